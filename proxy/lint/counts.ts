// Counts that do not fit: what stands behind counted bytes is not what can stand there, so the count was wrong.
import type { SideName } from '../dialogue/event.ts';
import type { Find, Seen } from './linter.ts';

/** What stands behind a chunk of BDAT: another command. */
const SMTP_VERB =
  /^(?:BDAT|RSET|QUIT|NOOP|MAIL|RCPT|DATA|HELO|EHLO|LHLO|VRFY|EXPN|HELP|AUTH|STARTTLS|ETRN|X[A-Z-]+)\b/i;

export class CountCheck {
  private readonly behind: Record<SideName, boolean> = { client: false, server: false };
  private readonly tail: Record<SideName, string> = { client: '', server: '' };

  look({ from, kind, bytes, about, protocol }: Seen, find: Find): void {
    if (about.counted) {
      this.tail[from] = (this.tail[from] + bytes.toString('latin1', Math.max(0, bytes.length - 2))).slice(-2);
      this.behind[from] = !about.more;
      if (about.more) return;
      const isEnded = protocol === 'resp' || protocol === 'memcached';
      if (isEnded && this.tail[from] !== '\r\n') find('count', 'no CRLF behind as many bytes as were announced');
      this.tail[from] = '';
      return;
    }
    if (!this.behind[from] || bytes.length === 0) return;
    this.behind[from] = false;
    const text = bytes.toString('latin1').trimEnd();
    if ((protocol === 'imap' || protocol === 'managesieve') && kind !== 'secret' && !/^(?:$|[ )])/.test(text))
      find('count', 'something else than a blank or a parenthesis stands behind a literal: its length is wrong');
    if ((protocol === 'smtp' || protocol === 'lmtp') && !SMTP_VERB.test(text))
      find('count', 'no command stands behind a chunk: its length is wrong');
  }
}
