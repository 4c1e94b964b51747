// Attributes of XCLIENT and XFORWARD: `NAME=value` with values in xtext (RFC 3461 section 4), as Postfix's
// XCLIENT_README and XFORWARD_README describe them.
import { isIPv4, isIPv6 } from 'node:net';
import { unmapAddress } from '../../src/address.ts';

/** Attribute -> value; null for one that the proxy does not know ([UNAVAILABLE], [TEMPUNAVAIL]). */
export type Attributes = ReadonlyMap<string, string | null>;

const MAX_VALUE = 255;
const MAX_PORT = 65_535;

/** The attributes, each one of `known` and with a value that fits; null when the grammar, a name or a value is wrong. */
export function parseAttributes(text: string, known: readonly string[]): Attributes | null {
  const found = new Map<string, string | null>();
  for (const word of text.split(/ +/)) {
    const match = /^([A-Za-z]+)=(.*)$/.exec(word);
    const name = match?.[1]?.toUpperCase() ?? '';
    const value = match && fromXtext(match[2]!);
    if (typeof value !== 'string' || !known.includes(name) || found.has(name)) return null;
    if (/^\[(?:UNAVAILABLE|TEMPUNAVAIL)\]$/i.test(value)) found.set(name, null);
    else {
      const read = (READERS[name] ?? readText)(value);
      if (read === null) return null;
      found.set(name, read);
    }
  }
  return found.size === 0 ? null : found;
}

/** Decodes `+XX`; null when a `+` stands for nothing, or a character should have been written so. */
function fromXtext(text: string): string | null {
  if (!/^(?:[!-*,-<>-~]|=|\+[\dA-Fa-f]{2})*$/.test(text)) return null;
  const bytes = text.replaceAll(/\+(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

/** No line of a log or a trace field should end where a proxy's client wants it to. */
function readText(value: string): string | null {
  return value === '' || value.length > MAX_VALUE || /[\p{Cc}\p{Z}\ufffd]/u.test(value) ? null : value;
}

/** Clients send whole sentences for their names. */
function readHelo(value: string): string | null {
  return readText(value.replaceAll(' ', '_')) && value;
}

function readAddress(value: string): string | null {
  const ipv6 = /^IPV6:(.*)$/i.exec(value)?.[1];
  if (ipv6 !== undefined) return isIPv6(ipv6) && !ipv6.includes('%') ? unmapAddress(ipv6) : null;
  return isIPv4(value) ? value : null;
}

function readPort(value: string): string | null {
  return /^\d{1,5}$/.test(value) && Number(value) <= MAX_PORT ? value : null;
}

const READERS: Readonly<Record<string, (value: string) => string | null>> = {
  HELO: readHelo,
  ADDR: readAddress,
  DESTADDR: readAddress,
  PORT: readPort,
  DESTPORT: readPort,
  PROTO: (value) => (/^(?:SMTP|ESMTP)$/i.test(value) ? value.toUpperCase() : null),
  SOURCE: (value) => (/^(?:LOCAL|REMOTE)$/i.test(value) ? value.toUpperCase() : null),
};
