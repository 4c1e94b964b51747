// Which namespace a mail belongs to, and which names, patterns and fields a new one may have.
import { ChatError } from '../../../src/errors.ts';
import { type AddressPattern, foldAddress, matchesPattern, parseAddressPattern } from '../../queue/address-pattern.ts';
import type { Namespace, NewNamespace } from '../inbox.ts';
import type { HeaderField } from '../parsed-mail.ts';
import type { StoredMail } from './mail-row.ts';

const NAME = /^[\p{L}\p{N}][\p{L}\p{N}._-]{0,99}$/u;
/** Members of one kind. */
const MAX_MEMBERS = 1000;

export interface Owner {
  readonly name: string;
  owns(mail: StoredMail, headers: readonly HeaderField[]): boolean;
}

export function ownerFrom({ name, recipients, users, ports, headers }: Namespace): Owner {
  const patterns = recipients.map(parseAddressPattern).filter((pattern): pattern is AddressPattern => pattern !== null);
  const fields = headers.map(splitField);
  return {
    name,
    owns: (mail, given) =>
      (mail.username !== '' && users.includes(mail.username)) ||
      (mail.port !== null && ports.includes(mail.port)) ||
      mail.recipients.some((address) => patterns.some((pattern) => matchesPattern(pattern, foldAddress(address)))) ||
      fields.some((field) =>
        given.some(({ name, value }) => same(name, field.name) && same(value.trim(), field.value)),
      ),
  };
}

/** Throws BAD_NAMESPACE with what is wrong. */
export function checkNamespace({ name, expiresAt, recipients, users, ports, headers }: NewNamespace): void {
  const refuse = (why: string): never => {
    throw new ChatError('BAD_NAMESPACE', why, { name });
  };
  if (!NAME.test(name)) refuse('a namespace is named by 1 to 100 letters, digits, dots, dashes and underscores');
  if (expiresAt !== null && !Number.isSafeInteger(expiresAt)) refuse('expiresAt is a time in milliseconds, or null');
  for (const list of [recipients, users, ports, headers]) {
    if (list.length > MAX_MEMBERS) refuse(`a namespace has at most ${MAX_MEMBERS} members of a kind`);
  }
  for (const pattern of recipients) {
    if (parseAddressPattern(pattern) === null) {
      refuse(`${JSON.stringify(pattern)} is no pattern of recipients; write a@b.example, *+x@*, @b.example or *`);
    }
  }
  for (const user of users) if (user === '') refuse('a user has a name');
  for (const port of ports) {
    if (!Number.isInteger(port) || port < 1 || port > 65_535) refuse(`${port} is no port; they are 1 to 65535`);
  }
  for (const field of headers) {
    if (!/^[!-9;-~]{1,100}:[^\r\n]{0,1000}$/.test(field)) {
      refuse(`${JSON.stringify(field)} is no header field; write Name: value`);
    }
  }
}

function splitField(field: string): { name: string; value: string } {
  const colon = field.indexOf(':');
  return { name: field.slice(0, colon), value: field.slice(colon + 1).trim() };
}

function same(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}
