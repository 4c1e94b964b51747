// Options of the POP3 server of a sink, and the rule that no table can say: who listens to more than this machine needs
// users.
import type { Address } from '../../src/address.ts';
import { formatAddress } from '../../src/address.ts';
import { ChatError } from '../../src/errors.ts';
import type { OptionTable, OptionValues } from '../../src/options.ts';

const GROUP = 'POP3';

export const POP3_OPTIONS = {
  pop3: {
    type: 'address',
    list: true,
    otherwise: 'off',
    variables: ['MP_POP3_BIND_ADDR'],
    describe: 'Where to let mail programs read the inbox by POP3, such as 1110',
    group: GROUP,
  },
  pop3s: {
    type: 'address',
    list: true,
    otherwise: 'off',
    describe: 'The same with TLS from the first byte',
    group: GROUP,
  },
  'pop3-auth-file': {
    type: 'path',
    otherwise: 'as for SMTP',
    variables: ['MP_POP3_AUTH_FILE'],
    describe: 'File of those who may log in to POP3, of the kind that --users takes',
    group: GROUP,
  },
  'pop3-user': {
    type: 'secret',
    list: true,
    pattern: { test: /^[^:]+:.+$/, says: 'NAME:PASSWORD, or NAME:HASH as lonedot user hash prints it' },
    otherwise: 'none',
    variables: ['MP_POP3_AUTH'],
    describe: 'Who may log in to POP3; may be repeated',
    group: GROUP,
  },
  'pop3-idle-timeout': {
    type: 'duration',
    min: '10s',
    default: '10m',
    describe: 'How long a POP3 session may say nothing; RFC 1939 asks for ten minutes',
    group: GROUP,
  },
} as const satisfies OptionTable;

export type Pop3Options = OptionValues<typeof POP3_OPTIONS>;

/** Where there are no users at all, anybody gets in by any name and password: on this machine that is all right. */
export function checkPop3Options(
  options: Pop3Options & { readonly user: readonly string[] | undefined; readonly users: string | undefined },
): void {
  const { pop3 = [], pop3s = [], pop3User, pop3AuthFile, user, users } = options;
  if (pop3User ?? pop3AuthFile ?? user ?? users) return;
  const open = [...pop3, ...pop3s].find((address) => !isOfThisMachine(address));
  if (open === undefined) return;
  throw new ChatError(
    'BAD_OPTION',
    `pop3: ${formatAddress(open)} is open to other machines, which needs users: --pop3-auth-file FILE, or --pop3-user`,
  );
}

function isOfThisMachine(address: Address): boolean {
  if (address.kind !== 'tcp') return address.kind === 'unix';
  return /^(?:localhost|127(?:\.\d+){3}|::1)$/i.test(address.host);
}
