// The grammar of the DSN parameters (RFC 3461 with RFC 6533) and of xtext: they are checked here, and then kept as they
// came, since they are meant for whoever delivers the mail.

/** `+` and `=` and what is no printable ASCII stand as +XX. */
const XTEXT = /^(?:[!-*,-<>-~]|\+[\dA-F]{2})+$/;
const NOTIFY_EVENTS: ReadonlySet<string> = new Set(['SUCCESS', 'FAILURE', 'DELAY']);
const MAX_ENVID = 100;
const MAX_ORCPT = 500;

export function isXtext(text: string): boolean {
  return XTEXT.test(text);
}

/** RFC 3461 4.3. */
export function isRet(value: string): boolean {
  return /^(?:FULL|HDRS)$/i.test(value);
}

/** RFC 3461 4.4. */
export function isEnvid(value: string): boolean {
  return value.length <= MAX_ENVID && isXtext(value);
}

/** RFC 3461 4.1: NEVER, or one or more of the events, each once. */
export function isNotify(value: string): boolean {
  const events = value.toUpperCase().split(',');
  if (events.length === 1 && events[0] === 'NEVER') return true;
  return new Set(events).size === events.length && events.every((event) => NOTIFY_EVENTS.has(event));
}

/** RFC 3461 4.2, RFC 6533 3: `rfc822;b@x.example`, `utf-8;b\x{E9}@x.example`; raw UTF-8 only where `isUtf8`. */
export function isOrcpt(value: string, isUtf8: boolean): boolean {
  const match = /^([A-Za-z\d][A-Za-z\d-]*);(.+)$/s.exec(value);
  if (!match || Buffer.byteLength(value) > MAX_ORCPT) return false;
  const [, type, address] = match as unknown as [string, string, string];
  return type.toLowerCase() === 'utf-8' ? isUtf8Address(address, isUtf8) : isXtext(address);
}

/** utf-8-addr-xtext, utf-8-addr-unitext, and plain xtext, which is what senders that know nothing of the two use. */
function isUtf8Address(text: string, isUtf8: boolean): boolean {
  if (!text.includes('\\') && isXtext(text)) return true;
  const plain = text.replace(/\\x\{([\dA-F]{2,6})\}/g, (whole, hex: string) => (isEmbeddable(hex) ? '' : whole));
  return (isUtf8 ? /^[!-*,-<>-[\]-~\u0080-\u{10ffff}]*$/u : /^[!-*,-<>-[\]-~]*$/).test(plain);
}

/** HEXPOINT of RFC 6533 3: what may not stand for itself, in its shortest form, and no half of a surrogate pair. */
function isEmbeddable(hex: string): boolean {
  const point = Number.parseInt(hex, 16);
  if (point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return false;
  if (point < 0x80) return hex.length === 2 && (point <= 0x20 || [0x2b, 0x3d, 0x5c, 0x7f].includes(point)) && point > 0;
  return !hex.startsWith('0');
}
