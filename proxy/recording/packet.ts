// A TCP segment in an IP packet, with its checksums (RFC 791, 8200, 9293).
import { isIPv6 } from 'node:net';

export const FIN = 1;
export const SYN = 2;
export const RST = 4;
export const PSH = 8;
export const ACK = 16;

const TCP = 6;

export interface Segment {
  readonly flags: number;
  readonly seq: number;
  readonly ack: number;
  readonly bytes: Buffer;
}

interface End {
  readonly address: string;
  readonly port: number;
}

/** Both addresses are of one family. Sequence numbers may be larger than 32 bits: they wrap. */
export function tcpPacket(from: End, to: End, { flags, seq, ack, bytes }: Segment): Buffer {
  const tcp = Buffer.alloc(20 + bytes.length);
  tcp.writeUInt16BE(from.port, 0);
  tcp.writeUInt16BE(to.port, 2);
  tcp.writeUInt32BE(seq % 2 ** 32, 4);
  tcp.writeUInt32BE(ack % 2 ** 32, 8);
  tcp[12] = 5 << 4;
  tcp[13] = flags;
  tcp.writeUInt16BE(0xffff, 14);
  bytes.copy(tcp, 20);
  const isSix = isIPv6(from.address);
  const ip = isSix
    ? ipv6Header(from.address, to.address, tcp.length)
    : ipv4Header(from.address, to.address, tcp.length);
  // The pseudo header: both addresses, which end the IP header in either version, the protocol and the length.
  const addresses = isSix ? ip.subarray(8) : ip.subarray(12);
  tcp.writeUInt16BE(checksum(sum(tcp, sum(addresses, TCP + tcp.length))), 16);
  return Buffer.concat([ip, tcp]);
}

function ipv4Header(from: string, to: string, length: number): Buffer {
  const ip = Buffer.alloc(20);
  ip[0] = 0x45;
  ip.writeUInt16BE(20 + length, 2);
  ip.writeUInt16BE(0x4000, 6);
  ip[8] = 64;
  ip[9] = TCP;
  Buffer.from(from.split('.').map(Number)).copy(ip, 12);
  Buffer.from(to.split('.').map(Number)).copy(ip, 16);
  ip.writeUInt16BE(checksum(sum(ip, 0)), 10);
  return ip;
}

function ipv6Header(from: string, to: string, length: number): Buffer {
  const ip = Buffer.alloc(40);
  ip[0] = 0x60;
  ip.writeUInt16BE(length, 4);
  ip[6] = TCP;
  ip[7] = 64;
  ipv6Bytes(from).copy(ip, 8);
  ipv6Bytes(to).copy(ip, 24);
  return ip;
}

function ipv6Bytes(text: string): Buffer {
  // A zone is this machine's business.
  const plain = text.split('%', 1)[0]!.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a, b, c, d) => {
    const pair = (high: string, low: string): string => (Number(high) * 256 + Number(low)).toString(16);
    return `${pair(a, b)}:${pair(c, d)}`;
  });
  const [head = '', tail] = plain.split('::', 2);
  const groups = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
  const [before, behind] = [groups(head), groups(tail ?? '')];
  const all = [...before, ...new Array<number>(8 - before.length - behind.length).fill(0), ...behind];
  const bytes = Buffer.alloc(16);
  for (const [index, group] of all.entries()) bytes.writeUInt16BE(group, index * 2);
  return bytes;
}

function sum(bytes: Buffer, start: number): number {
  let total = start;
  for (let i = 0; i + 1 < bytes.length; i += 2) total += (bytes[i]! << 8) | bytes[i + 1]!;
  if (bytes.length % 2 === 1) total += bytes[bytes.length - 1]! << 8;
  return total;
}

function checksum(total: number): number {
  let folded = total;
  while (folded > 0xffff) folded = (folded & 0xffff) + Math.floor(folded / 65_536);
  return ~folded & 0xffff;
}
