// Which protocol a connection speaks: by the first line of either side, and by the upstream's port where that says
// nothing. Until it is known the bytes are kept; they are few, since somebody speaks first.
import type { SideName } from '../dialogue/event.ts';
import type { ProfileName } from './names.ts';
import type { Profile } from './profile.ts';
import { PROFILES } from './table.ts';

/** A first line that is longer than this says nothing. */
const MAX_FIRST = 512;
/** More than this is not kept. */
const MAX_KEPT = 65_536;

const PORTS: Readonly<Record<string, ProfileName>> = {
  21: 'ftp',
  23: 'telnet',
  24: 'lmtp',
  25: 'smtp',
  80: 'http',
  110: 'pop3',
  119: 'nntp',
  143: 'imap',
  433: 'nntp',
  587: 'smtp',
  1025: 'smtp',
  1143: 'imap',
  2000: 'managesieve',
  2003: 'lmtp',
  2525: 'smtp',
  3128: 'http',
  4190: 'managesieve',
  6379: 'resp',
  6667: 'irc',
  8000: 'http',
  8080: 'http',
  11211: 'memcached',
};

/** The first line that a server says without being asked. */
const GREETINGS: readonly (readonly [RegExp, ProfileName])[] = [
  [/^220[ -].*\bLMTP\b/i, 'lmtp'],
  [/^220[ -].*SMTP/i, 'smtp'],
  [/^220[ -].*FTP/i, 'ftp'],
  [/^\* (?:OK|PREAUTH|BYE)\b/i, 'imap'],
  [/^\+OK/, 'pop3'],
  [/^20[01] /, 'nntp'],
  [/^"(?:IMPLEMENTATION|SIEVE|SASL|VERSION)"/i, 'managesieve'],
  [/^:\S+ (?:NOTICE|020|001) /, 'irc'],
  [/^NOTICE AUTH/, 'irc'],
  [/^\xff[\xfb-\xfe]/, 'telnet'],
];

/** The first line that a client says. */
const REQUESTS: readonly (readonly [RegExp, ProfileName])[] = [
  [/^[A-Z]+ \S+ HTTP\/1\.\d\r?$/, 'http'],
  [/^\*\d+\r?$/, 'resp'],
  [/^(?:PING|INFO|COMMAND)\r?$/i, 'resp'],
  [
    /^(?:gets?|gats?|set|add|replace|append|prepend|cas|incr|decr|touch|m[gsdna]) \S+|^(?:stats|version|mn)\r?$/,
    'memcached',
  ],
  [/^(?:EHLO|HELO) /i, 'smtp'],
  [/^LHLO /i, 'lmtp'],
  [/^(?:CAP |NICK |PASS |USER )/i, 'irc'],
  [/^\S+ (?:CAPABILITY|LOGIN|AUTHENTICATE|STARTTLS|NOOP|ID)\b/i, 'imap'],
  [/^\xff[\xfb-\xfe]/, 'telnet'],
];

/** Behind a 220 that says no more: SMTP has none of these. */
const FTP_COMMAND = /^(?:USER|FEAT|SYST|PASV|EPSV|AUTH (?:TLS|SSL|GSSAPI))\b/i;

export interface Found {
  readonly profile: Profile;
  /** Whose first words decided. */
  readonly because: SideName;
  /** What was said meanwhile, in its order. */
  readonly kept: readonly { readonly from: SideName; readonly chunk: Buffer }[];
}

export class Detector {
  private readonly byPort: ProfileName | undefined;
  private readonly kept: { from: SideName; chunk: Buffer }[] = [];
  private size = 0;
  private readonly first = { client: '', server: '' };

  /** `upstream` as text, with its port. */
  constructor(upstream: string) {
    this.byPort = PORTS[/:(\d+)$/.exec(upstream)?.[1] ?? ''];
  }

  /** Null: it is too early to say. */
  feed(from: SideName, chunk: Buffer): Found | null {
    const speaksFirst = this.kept.length === 0;
    const other = from === 'client' ? 'server' : 'client';
    this.kept.push({ from, chunk });
    this.size += chunk.length;
    if (this.first[from].length < MAX_FIRST) this.first[from] += chunk.toString('latin1', 0, MAX_FIRST);
    const said = this.first[from].slice(0, MAX_FIRST);
    const end = said.indexOf('\n');
    const text = end === -1 ? said : said.slice(0, end);
    // TLS is seen by every profile that has lines.
    if (text[0] === '\x16' && from === 'client') return this.found(this.byPort ?? 'line', from);
    // A prompt, which the other side has answered; and a byte that no text has.
    if (!speaksFirst && this.first[other] !== '' && !this.first[other].includes('\n')) return this.guess();
    if (isControl(text.charCodeAt(0))) return this.found('raw', from);
    if (end === -1 && text.length < (text[0] === '\xff' ? 2 : MAX_FIRST)) return null;
    if (from === 'client' && this.first.server.startsWith('220')) return this.guess();
    const name = (from === 'server' ? GREETINGS : REQUESTS).find(([test]) => test.test(text))?.[1];
    if (name !== undefined) return this.found(name, from);
    // `220 ready` may be said by many: the client's first command decides.
    if (from === 'server' && text.startsWith('220') && this.byPort === undefined && this.size < MAX_KEPT) return null;
    return this.guess();
  }

  /** What is most likely by now. */
  guess(): Found {
    const { client, server } = this.first;
    const isText = !Buffer.from(client + server, 'latin1').some(isControl);
    const because = client !== '' ? 'client' : 'server';
    if (this.byPort) return this.found(this.byPort, because);
    if (server.startsWith('220')) return this.found(FTP_COMMAND.test(client) ? 'ftp' : 'smtp', because);
    return this.found(isText ? 'line' : 'raw', because);
  }

  private found(name: ProfileName, because: SideName): Found {
    return { profile: PROFILES[name], because, kept: this.kept };
  }
}

/** No text has it: not a tab, an end of a line, an escape. */
function isControl(byte: number): boolean {
  return byte < 0x20 && !(byte >= 0x09 && byte <= 0x0d) && byte !== 0x1b;
}
