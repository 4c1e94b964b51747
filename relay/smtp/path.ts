// Reverse-path and forward-path of RFC 5321 4.1.2: <local@domain>, <> and <postmaster>. An address is checked and then
// kept exactly as it came; only a source route (RFC 5321 appendix C) is dropped.
import { isIPv4, isIPv6 } from 'node:net';

export interface Path {
  /** The address as it came, without the angle brackets and without a source route; '' is the null path. */
  readonly address: string;
  /** What stands behind the closing bracket, without leading spaces. */
  readonly rest: string;
}

/** Why a path was refused: the grammar, or one of the limits of RFC 5321 4.5.3.1. */
export type BadPath = 'syntax' | 'domain' | 'too-long';

const ATEXT =
  /^[A-Za-z\d!#$%&'*+/=?^_`{|}~\u0080-\u{10ffff}-]+(?:\.[A-Za-z\d!#$%&'*+/=?^_`{|}~\u0080-\u{10ffff}-]+)*$/u;
/** What nearly every client sends; so short that no limit of RFC 5321 4.5.3.1 can be passed. Anything else goes step by step. */
const PLAIN = /^<([\w+=-]+(?:\.[\w+=-]+)*@[A-Za-z\d]+(?:[.-][A-Za-z\d]+)*)>(?= |$)/;
const PLAIN_LENGTH = 63;
const QUOTED = /^"(?:[ !#-[\]-~\u0080-\u{10ffff}]|\\[ -~])*"$/u;
const LABEL = /^[A-Za-z\d\u0080-\u{10ffff}](?:[A-Za-z\d_\u0080-\u{10ffff}-]*[A-Za-z\d\u0080-\u{10ffff}])?$/u;

/**
 * What stands behind `FROM:` or `TO:`, as a path. Not `strict`, a blank behind the colon and an address without brackets
 * are taken, which is no grammar of the RFC, but so many clients send them; null when it is no path at all.
 */
export function pathArgument(argument: string, keyword: 'FROM:' | 'TO:', strict: boolean): string | null {
  if (argument.slice(0, keyword.length).toUpperCase() !== keyword) return null;
  const rest = argument.slice(keyword.length);
  if (rest.startsWith('<')) return rest;
  if (strict) return null;
  const path = rest.trimStart();
  if (path.startsWith('<')) return path;
  const bare = /^[^\s<>"]+@[^\s<>"]+(?= |$)/.exec(path);
  return bare ? `<${bare[0]}>${path.slice(bare[0].length)}` : null;
}

/** Parses `<...>` at the start of `text`. `postmaster` allows <postmaster> without a domain (RFC 5321 4.1.1.3). */
export function parsePath(text: string, allow: { empty: boolean; postmaster: boolean }): Path | BadPath {
  const plain = PLAIN.exec(text);
  if (plain !== null && plain[1]!.length <= PLAIN_LENGTH)
    return { address: plain[1]!, rest: text.slice(plain[0].length).trimStart() };
  const end = closingBracket(text);
  if (end === -1) return 'syntax';
  const rest = text.slice(end + 1);
  if (rest !== '' && !rest.startsWith(' ')) return 'syntax';
  let address = text.slice(1, end);
  if (Buffer.byteLength(address) > 254) return 'too-long';
  if (address.startsWith('@')) {
    const colon = address.indexOf(':');
    if (
      colon === -1 ||
      !address
        .slice(0, colon)
        .split(',')
        .every((hop) => hop.startsWith('@') && isDomain(hop.slice(1)))
    )
      return 'syntax';
    address = address.slice(colon + 1);
    if (address === '') return 'syntax';
  }
  const path = { address, rest: rest.trimStart() };
  if (address === '') return allow.empty ? path : 'syntax';
  if (allow.postmaster && address.toLowerCase() === 'postmaster') return path;
  const bad = checkMailbox(address);
  return bad ?? path;
}

/** The index of the bracket that closes the path: one inside a quoted string does not. */
function closingBracket(text: string): number {
  if (text[0] !== '<') return -1;
  let quoted = false;
  for (let i = 1; i < text.length; i++) {
    const c = text[i];
    if (c === '\\' && quoted) i++;
    else if (c === '"') quoted = !quoted;
    else if (c === '>' && !quoted) return i;
  }
  return -1;
}

function checkMailbox(address: string): BadPath | null {
  // The last @ separates: a quoted local part may hold others.
  const at = address.lastIndexOf('@');
  if (at < 1) return 'syntax';
  const local = address.slice(0, at);
  const domain = address.slice(at + 1);
  if (Buffer.byteLength(local) > 64 || Buffer.byteLength(domain) > 255) return 'too-long';
  if (!ATEXT.test(local) && !QUOTED.test(local)) return 'syntax';
  if (domain.startsWith('[')) return isLiteral(domain) ? null : 'domain';
  return isDomain(domain) ? null : 'domain';
}

function isDomain(domain: string): boolean {
  return domain.length > 0 && domain.split('.').every((label) => label.length <= 63 && LABEL.test(label));
}

function isLiteral(domain: string): boolean {
  if (!domain.endsWith(']')) return false;
  const inside = domain.slice(1, -1);
  // A zone, which isIPv6() lets pass, means something on one machine only.
  return /^IPv6:[^%]*$/i.test(inside) ? isIPv6(inside.slice(5)) : isIPv4(inside);
}
