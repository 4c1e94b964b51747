// Who speaks too early: before the greeting, behind a command that has to be the last of its group (RFC 2920 3.1, RFC 3207
// 4), or in groups though the server has not offered that.
import type { Find, Seen } from './linter.ts';

/** Where the server speaks first. */
const GREETED: ReadonlySet<string> = new Set(['smtp', 'lmtp', 'imap', 'pop3', 'nntp', 'ftp', 'managesieve']);
const LAST: ReadonlySet<string> = new Set([
  ...['EHLO', 'HELO', 'LHLO', 'DATA', 'VRFY', 'EXPN', 'TURN', 'QUIT', 'NOOP', 'AUTH', 'STARTTLS'],
]);

export class PipeliningCheck {
  private isGreeted = false;
  private wasEarly = false;
  private isOffered = false;
  private verb = '';
  private isInContent = false;

  look({ from, kind, bytes, about, protocol }: Seen, unanswered: number, find: Find): void {
    if (!GREETED.has(protocol)) return;
    if (from === 'server') {
      if (!about.part && !about.more) this.isGreeted = true;
      if (kind === 'reply' && /^250[ -]PIPELINING\s*$/i.test(bytes.toString('latin1', 0, 20))) this.isOffered = true;
      return;
    }
    if (!this.isGreeted) {
      if (!this.wasEarly) find('pipelining', 'said before the greeting');
      this.wasEarly = true;
      return;
    }
    if (protocol === 'smtp' || protocol === 'lmtp') this.mail(kind, bytes, about.early, unanswered, find);
  }

  private mail(kind: Seen['kind'], bytes: Buffer, isEarly: boolean, unanswered: number, find: Find): void {
    const isContent = kind === 'body';
    const wasInContent = this.isInContent;
    this.isInContent = isContent;
    if (isContent && wasInContent) return;
    if (isEarly && LAST.has(this.verb))
      find('pipelining', `said behind ${this.verb} before the server has answered it`);
    else if (unanswered > 0 && kind === 'command') {
      if (LAST.has(this.verb)) find('pipelining', `said behind ${this.verb} before the server has answered it`);
      else if (!this.isOffered)
        find('pipelining', 'commands in a group, which the server has not offered (PIPELINING)');
    }
    if (kind === 'command') this.verb = /^[A-Za-z]*/.exec(bytes.toString('latin1', 0, 16))![0].toUpperCase();
    else if (isContent) this.verb = '';
  }
}
