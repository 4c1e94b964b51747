// The few words of ASN.1 in DER (X.690) that a certificate is made of. Writing, and of reading no more than what an
// authority's certificate has to say to those that it signs.

/** Tag and contents. Lengths up to 65535 bytes: a certificate is far shorter. */
export function der(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(contents);
  const { length } = body;
  if (length > 0xffff) throw new RangeError('too long for this encoder');
  const head = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.of(tag, ...head), body]);
}

export const sequence = (...items: readonly Uint8Array[]): Buffer => der(0x30, ...items);
export const set = (...items: readonly Uint8Array[]): Buffer => der(0x31, ...items);
export const octets = (bytes: Uint8Array): Buffer => der(0x04, bytes);
export const utf8 = (text: string): Buffer => der(0x0c, Buffer.from(text));
export const TRUE = der(0x01, Buffer.of(0xff));
export const NULL = der(0x05);

/** `[n]` around what it contains. */
export const explicit = (n: number, ...items: readonly Uint8Array[]): Buffer => der(0xa0 + n, ...items);
/** `[n]` instead of the tag of a primitive value. */
export const implicit = (n: number, bytes: Uint8Array): Buffer => der(0x80 + n, bytes);

/** A whole number that is not negative, from its bytes. */
export function integer(bytes: Uint8Array): Buffer {
  let from = 0;
  while (from < bytes.length - 1 && bytes[from] === 0) from++;
  // A high bit would be a sign.
  const sign = bytes[from]! >= 0x80 ? Buffer.of(0) : Buffer.alloc(0);
  return der(0x02, sign, bytes.subarray(from));
}

/** A bit string of whole bytes, or with the last `unused` bits left out. */
export function bits(bytes: Uint8Array, unused = 0): Buffer {
  return der(0x03, Buffer.of(unused), bytes);
}

/** An object identifier from its dotted form. */
export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const groups = [first * 40 + second, ...rest].map((arc) => {
    const septets = [arc & 0x7f];
    for (let left = arc >>> 7; left > 0; left >>>= 7) septets.unshift((left & 0x7f) | 0x80);
    return Buffer.from(septets);
  });
  return der(0x06, ...groups);
}

/** UTCTime until 2049, GeneralizedTime from then on (RFC 5280 4.1.2.5). */
export function time(at: Date): Buffer {
  const digits = at.toISOString().replaceAll(/[-:T]|\.\d+/g, '');
  const isShort = at.getUTCFullYear() < 2050;
  return der(isShort ? 0x17 : 0x18, Buffer.from(isShort ? digits.slice(2) : digits, 'latin1'));
}

/** What stands in a constructed value, one after the other, each with its tag and length. Throws RangeError. */
export function items(value: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let at = headLength(value); at < value.length; ) {
    const rest = value.subarray(at);
    const size = headLength(rest) + bodyLength(rest);
    found.push(rest.subarray(0, size));
    at += size;
  }
  return found;
}

/** What a value holds, without its tag and length. Throws RangeError. */
export function contents(value: Buffer): Buffer {
  return value.subarray(headLength(value), headLength(value) + bodyLength(value));
}

function headLength(value: Buffer): number {
  const first = value.readUInt8(1);
  return first < 0x80 ? 2 : 2 + (first & 0x7f);
}

function bodyLength(value: Buffer): number {
  const first = value.readUInt8(1);
  const length = first < 0x80 ? first : value.readUIntBE(2, first & 0x7f);
  if (headLength(value) + length > value.length) throw new RangeError('a value is cut');
  return length;
}
