// Where FTP's data connections go, as the control connection says it, and the same words with another address in them:
// PORT and 227 (RFC 959 4.1.2, 4.2), EPRT and 229 (RFC 2428 2, 3).
import { isIPv4, isIPv6 } from 'node:net';

export interface DataAddress {
  /** '' where only the port is named: the host is that of the control connection. */
  readonly host: string;
  readonly port: number;
}

/** h1,h2,h3,h4,p1,p2: RFC 959 writes it without, servers with all kinds of brackets around it. */
const SIX_NUMBERS = /(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3})/;
/** The delimiter may be any character from ! to ~ that is no part of an address. */
const EXTENDED_REPLY = /\(([!-/:-~])\1\1(\d{1,5})\1\)/;
const EXTENDED_COMMAND = /^EPRT +([!-/:-~])([12])\1([\da-fA-F.:]+)\1(\d{1,5})\1/i;

/** What a reply says where the server listens; null for every other reply. */
export function announcedByServer(line: string): DataAddress | null {
  if (line.startsWith('227 ')) return sixNumbers(line.slice(4));
  const found = line.startsWith('229 ') && EXTENDED_REPLY.exec(line);
  return found ? checked('', Number(found[2])) : null;
}

/** What a command says where the client listens; null for every other command. */
export function announcedByClient(line: string): DataAddress | null {
  if (/^PORT /i.test(line)) return sixNumbers(line.slice(5));
  const [, , family, host = '', port] = EXTENDED_COMMAND.exec(line) ?? [];
  if (family === '1' ? !isIPv4(host) : !isIPv6(host)) return null;
  return checked(host, Number(port));
}

/** The reply with another address; null where 227 cannot say it. */
export function replyWith(line: string, { host, port }: DataAddress): string | null {
  if (line.startsWith('229 '))
    return line.replace(EXTENDED_REPLY, (_, mark: string) => `(${mark}${mark}${mark}${port}${mark})`);
  return isIPv4(host) ? line.replace(SIX_NUMBERS, inSixNumbers(host, port)) : null;
}

/** The command that says it: PORT becomes EPRT where the address needs it. */
export function commandWith(line: string, { host, port }: DataAddress): string {
  if (/^PORT /i.test(line) && isIPv4(host)) return `${line.slice(0, 5)}${inSixNumbers(host, port)}`;
  return `EPRT |${isIPv4(host) ? 1 : 2}|${host}|${port}|`;
}

function sixNumbers(text: string): DataAddress | null {
  const numbers = SIX_NUMBERS.exec(text)?.slice(1).map(Number) ?? [];
  if (numbers.length === 0 || numbers.some((number) => number > 255)) return null;
  const [high = 0, low = 0] = numbers.slice(4);
  return checked(numbers.slice(0, 4).join('.'), high * 256 + low);
}

function checked(host: string, port: number): DataAddress | null {
  return port > 0 && port < 65_536 ? { host, port } : null;
}

function inSixNumbers(host: string, port: number): string {
  return [...host.split('.'), port >> 8, port & 255].join(',');
}
