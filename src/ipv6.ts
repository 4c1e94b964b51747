// An IPv6 address between its text and its sixteen bytes. Node has inet_pton inside but shows only the text side.
import { SocketAddress } from 'node:net';

/** The bytes of a valid address without a zone; `net.isIPv6` must have said so. */
export function ipv6ToBytes(address: string): Buffer {
  // An IPv4 tail (`::ffff:192.0.2.1`) is two groups written in another way.
  const text = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a, b, c, d) =>
    [Number(a) * 256 + Number(b), Number(c) * 256 + Number(d)].map((group) => group.toString(16)).join(':'),
  );
  const [head = '', tail] = text.split('::', 2);
  const front = groups(head);
  const back = groups(tail ?? '');
  const bytes = Buffer.alloc(16);
  front.forEach((group, i) => {
    bytes.writeUInt16BE(group, 2 * i);
  });
  back.forEach((group, i) => {
    bytes.writeUInt16BE(group, 16 - 2 * (back.length - i));
  });
  return bytes;
}

/** The shortest text in lower case (RFC 5952), as the system prints it. */
export function ipv6FromBytes(bytes: Buffer): string {
  const text = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16)).join(':');
  return new SocketAddress({ address: text, family: 'ipv6' }).address;
}

function groups(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
}
