// The PROXY protocol, versions 1 (text) and 2 (binary): what a load balancer puts in front of the first byte to say
// who the real peer is. Parses and builds bytes; who may send a header at all is decided in listen.ts.
// https://www.haproxy.org/download/2.8/doc/proxy-protocol.txt
import { isIPv4, isIPv6 } from 'node:net';
import { ChatError } from './errors.ts';
import { ipv6FromBytes, ipv6ToBytes } from './ipv6.ts';

export interface ProxyEndpoint {
  /** IPv4 or IPv6 in canonical form; for a unix socket its path (`@name` if abstract, empty if it has none). */
  address: string;
  /** 0 for a unix socket. */
  port: number;
}

export interface ProxyHeader {
  /** How many bytes the header takes; what stands behind them belongs to the protocol. */
  length: number;
  /** null: the proxy speaks for itself (LOCAL: a health check) or does not know (UNKNOWN, UNSPEC). */
  source: ProxyEndpoint | null;
  destination: ProxyEndpoint | null;
}

/** "107 chars" in the specification: the longest possible line with its CRLF. */
const V1_MAX_BYTES = 107;
const V1_START = Buffer.from('PROXY ', 'latin1');
const V2_SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
/** Signature, version and command, family and transport, length. */
const V2_FIXED_BYTES = 16;
/** Type and length of a TLV. */
const TLV_HEAD_BYTES = 3;
const UNIX_PATH_BYTES = 108;
/** Addresses and TLVs of a version 2 header. Real ones, with certificate names and all, stay below 1 KiB. */
export const PROXY_MAX_BYTES = 4096;

const V2 = 0x20;
const COMMAND = { LOCAL: 0, PROXY: 1 } as const;
const FAMILY = { UNSPEC: 0x00, TCP4: 0x11, TCP6: 0x21, UNIX_STREAM: 0x31 } as const;

/** Reads the header at the start of `buf`; `'more'` while it is incomplete. A wrong byte is refused when it is seen. */
export function parseProxyHeader(buf: Buffer, maxBytes: number = PROXY_MAX_BYTES): 'more' | ProxyHeader {
  if (buf.length === 0) return 'more';
  if (startsAlike(buf, V2_SIGNATURE)) return buf.length < V2_FIXED_BYTES ? parseV2Start(buf) : parseV2(buf, maxBytes);
  if (startsAlike(buf, V1_START)) return parseV1(buf);
  throw bad('it starts with neither PROXY nor the signature of version 2');
}

/** The header that says `source` connected to `destination`; without both of them, UNKNOWN or LOCAL. */
export function buildProxyHeader(
  version: 1 | 2,
  source: ProxyEndpoint | null,
  destination: ProxyEndpoint | null,
): Buffer {
  const family = source && destination ? familyOf(source, destination) : 'none';
  if (version === 1) {
    // Version 1 has no words for unix sockets.
    if (!source || !destination || family === 'none' || family === 'unix')
      return Buffer.from('PROXY UNKNOWN\r\n', 'latin1');
    const [from, to] = [source, destination].map((end) => (family === 'TCP6' ? mapped(end.address) : end.address));
    return Buffer.from(`PROXY ${family} ${from} ${to} ${source.port} ${destination.port}\r\n`, 'latin1');
  }
  if (!source || !destination || family === 'none') return buildV2(COMMAND.LOCAL, FAMILY.UNSPEC, Buffer.alloc(0));
  if (family === 'unix') {
    return buildV2(COMMAND.PROXY, FAMILY.UNIX_STREAM, Buffer.concat([unixPath(source), unixPath(destination)]));
  }
  const addresses = [source, destination].map(({ address }) =>
    family === 'TCP4' ? Buffer.from(address.split('.').map(Number)) : ipv6ToBytes(mapped(address)),
  );
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(source.port, 0);
  ports.writeUInt16BE(destination.port, 2);
  return buildV2(COMMAND.PROXY, FAMILY[family], Buffer.concat([...addresses, ports]));
}

function parseV1(buf: Buffer): 'more' | ProxyHeader {
  const newline = buf.subarray(0, V1_MAX_BYTES).indexOf(10);
  if (newline < 0) {
    if (buf.length >= V1_MAX_BYTES) throw bad(`a version 1 header has at most ${V1_MAX_BYTES} bytes`);
    return 'more';
  }
  if (buf[newline - 1] !== 13) throw bad('a version 1 header ends with CRLF');
  const length = newline + 1;
  const [, family, from, to, fromPort, toPort, ...more] = buf.toString('latin1', 0, newline - 1).split(' ');
  // "the receiver must ignore anything presented before the CRLF"
  if (family === 'UNKNOWN') return { length, source: null, destination: null };
  if (family !== 'TCP4' && family !== 'TCP6') throw bad('a version 1 header is for TCP4, TCP6 or UNKNOWN');
  if (more.length > 0) throw bad('it has too many fields');
  return { length, source: v1Endpoint(family, from, fromPort), destination: v1Endpoint(family, to, toPort) };
}

function v1Endpoint(family: 'TCP4' | 'TCP6', address = '', port = ''): ProxyEndpoint {
  const fits = family === 'TCP4' ? isIPv4(address) : isIPv6(address) && !address.includes('%');
  if (!fits) throw bad(`an address does not fit ${family}`);
  if (!/^(0|[1-9][0-9]{0,4})$/.test(port) || Number(port) > 65535) throw bad('a port is not a number from 0 to 65535');
  return { address: family === 'TCP4' ? address : ipv6FromBytes(ipv6ToBytes(address)), port: Number(port) };
}

/** Between the signature and the length: only what is there can be wrong. */
function parseV2Start(buf: Buffer): 'more' {
  const versionAndCommand = buf[12];
  const family = buf[13];
  if (versionAndCommand !== undefined) {
    if ((versionAndCommand & 0xf0) !== V2) throw bad('its version is neither 1 nor 2');
    if ((versionAndCommand & 0x0f) > COMMAND.PROXY) throw bad('its command is neither LOCAL nor PROXY');
  }
  // LOCAL: "the receiver must discard the protocol block including the family which is ignored".
  if (family !== undefined && versionAndCommand !== (V2 | COMMAND.LOCAL) && !isFamily(family)) {
    throw bad('its family and transport are not TCP over IPv4 or IPv6, a unix stream, or unspecified');
  }
  return 'more';
}

function parseV2(buf: Buffer, maxBytes: number): 'more' | ProxyHeader {
  parseV2Start(buf);
  const size = buf.readUInt16BE(14);
  if (size > maxBytes) throw bad(`it announces ${size} bytes, the limit is ${maxBytes}`);
  const family = buf[13]!;
  const isLocal = buf[12] === (V2 | COMMAND.LOCAL);
  const addressBytes = isLocal ? 0 : addressBytesOf(family);
  if (size < addressBytes) throw bad('it is too short for its addresses');
  const length = V2_FIXED_BYTES + size;
  if (buf.length < length) return 'more';
  const nobody = { length, source: null, destination: null };
  if (isLocal) return nobody;
  checkTlvs(buf.subarray(V2_FIXED_BYTES + addressBytes, length));
  if (family === FAMILY.UNSPEC) return nobody;
  const addresses = buf.subarray(V2_FIXED_BYTES, V2_FIXED_BYTES + addressBytes);
  return { length, source: v2Endpoint(family, addresses, 0), destination: v2Endpoint(family, addresses, 1) };
}

/** `which`: 0 the source, 1 the destination. Both addresses come first, then both ports. */
function v2Endpoint(family: number, addresses: Buffer, which: 0 | 1): ProxyEndpoint {
  if (family === FAMILY.UNIX_STREAM) {
    const path = addresses.subarray(which * UNIX_PATH_BYTES, (which + 1) * UNIX_PATH_BYTES);
    // An abstract name starts with NUL; people write @ for it.
    const isAbstract = path[0] === 0 && path[1] !== 0;
    const nul = path.indexOf(0, isAbstract ? 1 : 0);
    const text = path.toString('utf8', isAbstract ? 1 : 0, nul < 0 ? path.length : nul);
    return { address: isAbstract ? `@${text}` : text, port: 0 };
  }
  const size = family === FAMILY.TCP4 ? 4 : 16;
  const bytes = addresses.subarray(which * size, (which + 1) * size);
  const port = addresses.readUInt16BE(2 * size + 2 * which);
  return { address: family === FAMILY.TCP4 ? bytes.join('.') : ipv6FromBytes(bytes), port };
}

/** What the TLVs say is nothing we use, but a chain that does not fit its frame means a confused or hostile sender. */
function checkTlvs(tlvs: Buffer): void {
  let at = 0;
  while (at < tlvs.length) {
    if (at + TLV_HEAD_BYTES > tlvs.length) throw bad('a TLV is truncated');
    at += TLV_HEAD_BYTES + tlvs.readUInt16BE(at + 1);
  }
  if (at > tlvs.length) throw bad('a TLV is truncated');
}

function buildV2(command: number, family: number, block: Buffer): Buffer {
  const fixed = Buffer.alloc(V2_FIXED_BYTES);
  V2_SIGNATURE.copy(fixed);
  fixed[12] = V2 | command;
  fixed[13] = family;
  fixed.writeUInt16BE(block.length, 14);
  return Buffer.concat([fixed, block]);
}

function familyOf(source: ProxyEndpoint, destination: ProxyEndpoint): 'TCP4' | 'TCP6' | 'unix' | 'none' {
  const kinds = [source, destination].map(({ address }) =>
    isIPv4(address) ? 'TCP4' : isIPv6(address) ? 'TCP6' : address === '' || /^[/@]/.test(address) ? 'unix' : 'none',
  );
  if (kinds[0] === kinds[1]) return kinds[0]!;
  // A dual-stack path: IPv4 fits into IPv6.
  return kinds.every((kind) => kind === 'TCP4' || kind === 'TCP6') ? 'TCP6' : 'none';
}

function mapped(address: string): string {
  // A zone means something on this machine only.
  return isIPv4(address) ? `::ffff:${address}` : address.replace(/%.*$/, '');
}

function unixPath({ address }: ProxyEndpoint): Buffer {
  const field = Buffer.alloc(UNIX_PATH_BYTES);
  field.write(address.startsWith('@') ? `\0${address.slice(1)}` : address, 'utf8');
  return field;
}

function addressBytesOf(family: number): number {
  if (family === FAMILY.TCP4) return 2 * 4 + 4;
  if (family === FAMILY.TCP6) return 2 * 16 + 4;
  return family === FAMILY.UNIX_STREAM ? 2 * UNIX_PATH_BYTES : 0;
}

function isFamily(byte: number): boolean {
  return Object.values(FAMILY).some((family) => family === byte);
}

function startsAlike(buf: Buffer, start: Buffer): boolean {
  const size = Math.min(buf.length, start.length);
  return buf.compare(start, 0, size, 0, size) === 0;
}

function bad(why: string): ChatError {
  return new ChatError('BAD_PROXY_HEADER', `bad PROXY header: ${why}`);
}
