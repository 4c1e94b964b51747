// Checks of single lines: how they end, how long they are, bytes above 127, and fields of HTTP that two servers read in
// two ways.
import { isAscii } from 'node:buffer';
import { endOf } from '../effects/bytes.ts';
import type { ProfileName } from '../profiles/names.ts';
import type { Find, Seen } from './linter.ts';

/** Where CRLF ends a line and nothing else should. */
const STRICT: ReadonlySet<string> = new Set<ProfileName>([
  ...(['smtp', 'lmtp', 'imap', 'pop3', 'nntp', 'ftp', 'http', 'managesieve', 'resp', 'memcached'] as const),
]);

/** Bytes of a line with its end, by protocol: what a client says, and what a server says. */
const LIMITS: Readonly<Partial<Record<ProfileName, readonly [client: number, server: number]>>> = {
  // RFC 5321 4.5.3.1.4 and .5; of LMTP RFC 2033 says the same.
  smtp: [512, 512],
  lmtp: [512, 512],
  // RFC 2449 4.
  pop3: [255, 512],
  // RFC 3977 3.1.
  nntp: [512, 512],
  // RFC 7162 4; servers may say what they like.
  imap: [8192, Number.POSITIVE_INFINITY],
  // RFC 9112 3: at least 8000.
  http: [8192, 8192],
  // RFC 1459 2.3, without tags.
  irc: [512, 512],
  memcached: [2048, 2048],
  line: [1000, 1000],
};
/** Parameters make these longer (RFC 1870, 3461, 6152, 6531), and credentials others (RFC 4954 4.5). */
const LONGER: Readonly<Record<string, number>> = { MAIL: 1024, RCPT: 1536, AUTH: 12_288 };

/** What is known of a mail transaction. */
export interface Transaction {
  declaresEightBit: boolean;
  declaresUtf8: boolean;
}

export class LineCheck {
  readonly transaction: Transaction = { declaresEightBit: false, declaresUtf8: false };
  /** IMAP and POP3: told that text is UTF-8. */
  private speaksUtf8 = false;
  /** Fields of the HTTP message at hand. */
  private readonly lengths = { client: '', server: '' };
  private readonly isChunked = { client: false, server: false };

  look(seen: Seen, find: Find): void {
    const { bytes, kind, protocol } = seen;
    const end = bytes.length - endOf(bytes);
    if (STRICT.has(protocol)) this.ends(bytes, end, find);
    const text = bytes.toString('latin1', 0, end);
    if (kind !== 'secret') {
      this.follow(seen, text);
      this.eightBit(seen, text, find);
    }
    this.length(seen, text, find);
    if (protocol === 'http') this.fields(seen, text, find);
  }

  private ends(bytes: Buffer, end: number, find: Find): void {
    const cr = bytes.indexOf(0x0d);
    if (cr !== -1 && cr < end) find('bare-cr', 'a CR without LF in a line');
    const lf = bytes.indexOf(0x0a);
    if (lf !== -1 && lf < end) find('bare-lf', 'an LF without CR in a line');
    else if (bytes.length - end === 1) find('bare-lf', 'a line that ends with LF alone');
  }

  private length({ from, kind, bytes, about, protocol }: Seen, text: string, find: Find): void {
    const limits = LIMITS[protocol];
    if (!limits || text.startsWith('@')) return;
    const isMail = protocol === 'smtp' || protocol === 'lmtp';
    const verb = kind === 'secret' ? 'AUTH' : text.slice(0, 4).toUpperCase();
    const longer = isMail && from === 'client' ? (LONGER[verb] ?? 0) : 0;
    const limit = Math.max(limits[from === 'client' ? 0 : 1], longer);
    if (bytes.length > limit)
      find('long-line', `${about.more ? 'more than ' : ''}${bytes.length} bytes; the limit is ${limit}`);
  }

  /** What is declared from here on. */
  private follow({ from, protocol }: Seen, text: string): void {
    if (from !== 'client') return;
    if (protocol === 'smtp' || protocol === 'lmtp') {
      if (!/^MAIL\b/i.test(text)) return;
      this.transaction.declaresEightBit = /\sBODY=(?:8BITMIME|BINARYMIME)\b/i.test(text);
      this.transaction.declaresUtf8 = /\sSMTPUTF8\b/i.test(text);
    } else if (/^(?:\S+ ENABLE .*UTF8=ACCEPT|UTF8$)/i.test(text)) this.speaksUtf8 = true;
  }

  private eightBit({ from, bytes, protocol }: Seen, text: string, find: Find): void {
    if (from !== 'client' || isAscii(bytes)) return;
    const isMail = protocol === 'smtp' || protocol === 'lmtp';
    if (isMail && !(this.transaction.declaresUtf8 && /^(?:MAIL|RCPT|VRFY|EXPN)\b/i.test(text)))
      find('eight-bit', 'bytes above 127 in a command without SMTPUTF8');
    if ((protocol === 'imap' || protocol === 'pop3') && !this.speaksUtf8)
      find('eight-bit', 'bytes above 127 in a command, and UTF-8 was not agreed upon');
  }

  /** RFC 9112 6.3 and 11.2: where the next message begins must not be a matter of opinion. */
  private fields({ from, kind }: Seen, text: string, find: Find): void {
    if (kind !== 'header') {
      this.lengths[from] = '';
      this.isChunked[from] = false;
      return;
    }
    const [, name = '', blank = '', value = ''] = /^([^:\s]+)([ \t]*):[ \t]*(.*?)[ \t]*$/.exec(text) ?? [];
    if (blank !== '') find('smuggling', 'blanks between the name of a field and its colon');
    if (/^content-length$/i.test(name)) {
      if (this.lengths[from] !== '' && this.lengths[from] !== value)
        find('smuggling', 'two fields Content-Length that differ');
      this.lengths[from] = value;
    } else if (/^transfer-encoding$/i.test(name)) this.isChunked[from] = true;
    else return;
    if (this.isChunked[from] && this.lengths[from] !== '')
      find('smuggling', 'Content-Length and Transfer-Encoding in one message');
  }
}
