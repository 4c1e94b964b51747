// `lonedot sendmail`: takes the place of /usr/sbin/sendmail for programs that send by calling it (PHP, cron, mail, mutt),
// and submits what they write to a running lonedot. Also runs when the program is called as `sendmail`.
import { connect } from 'node:net';
import { hostname, userInfo } from 'node:os';
import { pipeline } from 'node:stream/promises';
import { readOutgoing } from '../../relay/mailbox-files/outgoing.ts';
import { parsePlace, Submitter } from '../../relay/mailbox-files/submit.ts';
import type { Upstream } from '../../relay/upstream/upstream.ts';
import { ChatError } from '../../src/errors.ts';
import { type OptionTable, type OptionValues, resolveOptions } from '../../src/options.ts';
import type { Command, Context } from '../command.ts';
import { print } from '../output.ts';
import { readSendmailArguments } from '../sendmail-arguments.ts';
import { EX, sysexitOf, sysexitOfOutcomes } from '../sysexits.ts';

const GROUP = 'Sending';

export const SUBMIT_OPTION = {
  smtp: {
    type: 'secret',
    short: 'S',
    default: '127.0.0.1:1025',
    variables: ['MP_SENDMAIL_SMTP_ADDR'],
    describe: 'Server to send to: [host:]port, unix:/path or smtp://user:password@host:port',
    group: GROUP,
  },
} as const satisfies OptionTable;

const ARGUMENTS = {
  recipient: { type: 'string', positional: true, list: true, describe: 'Who gets the mail' },
  'read-recipients': {
    type: 'boolean',
    short: 't',
    default: false,
    describe: 'Send to those in To, Cc and Bcc as well, and take Bcc out',
    group: GROUP,
  },
  'ignore-dots': {
    type: 'boolean',
    short: 'i',
    default: false,
    describe: 'A line with a lone dot does not end the mail (also -oi)',
    group: GROUP,
  },
  from: { type: 'string', short: 'f', describe: 'Sender of the envelope; <> for none (also -r)', group: GROUP },
  'full-name': { type: 'string', short: 'F', describe: 'Name in a From field that has to be added', group: GROUP },
  option: {
    type: 'string',
    list: true,
    short: 'o',
    describe: 'Options of other sendmails: -oi is known, the rest is ignored',
    group: GROUP,
  },
  mode: {
    type: 'choice',
    choices: ['m', 's'],
    short: 'b',
    default: 'm',
    describe: 'What stdin is: m a mail, s an SMTP dialogue to be passed to the server',
    group: GROUP,
  },
} as const satisfies OptionTable;

type Given = OptionValues<typeof ARGUMENTS>;

export const sendmail: Command = {
  usage: 'sendmail [-t] [-i] [-f FROM] [RECIPIENT...] < MAIL',
  description: `Sends the mail on standard input to a running lonedot, as /usr/sbin/sendmail would.

Date, Message-ID and From are added where they are missing. The exit code is one of sysexits.h: 0 sent,
64 wrong usage, 68 unknown host, 69 refused, 75 not now, 77 may not log in.`,
  examples: [
    ["printf 'To: you@x.example\\nSubject: Hello\\n\\nIt works.\\n' | lonedot sendmail -t", 'to those it names'],
    ['lonedot sendmail -f me@x.example you@x.example < mail.eml', 'to those on the command line'],
    ['sendmail_path = "/usr/bin/lonedot sendmail -t -i"', 'in php.ini'],
    ['ln -s "$(command -v lonedot)" /usr/local/bin/sendmail', 'for programs that look for sendmail by its name'],
  ],
  note: 'The server may also be named by LONEDOT_SMTP or MP_SENDMAIL_SMTP_ADDR.',
  table: { ...ARGUMENTS, ...SUBMIT_OPTION },
  readArguments: readSendmailArguments,
  exitCodeOf: sysexitOf,
  run: async (context) => {
    // From the command line alone, but for the server: a variable named LONEDOT_FROM may mean anything.
    const { flags = new Map(), variables } = context.sources;
    const given = resolveOptions(ARGUMENTS, { flags });
    const place = parsePlace(resolveOptions(SUBMIT_OPTION, { flags, ...(variables ? { variables } : {}) }).smtp);
    return given.mode === 's' ? passDialogue(place) : sendMail(place, given, context);
  },
};

async function sendMail(place: Upstream, given: Given, { log }: Context): Promise<number> {
  const host = hostname() || 'localhost';
  const qualified = (address: string): string => (address.includes('@') ? address : `${address}@${host}`);
  const sender = given.from === undefined ? qualified(userInfo().username) : senderOf(given.from, qualified);
  if (!given.readRecipients && given.recipient === undefined)
    throw new ChatError('BAD_OPTION', 'there is no recipient: name some, or let -t take them from the header');
  const { recipients, isUtf8, content } = await readOutgoing(process.stdin, {
    sender: sender || qualified(userInfo().username),
    fullName: given.fullName ?? '',
    hostname: host,
    now: new Date(),
    readsRecipients: given.readRecipients,
    ignoresDots: given.ignoreDots || (given.option ?? []).includes('i'),
  });
  const all = [...new Set([...(given.recipient ?? []).flatMap(addressesOf), ...recipients].map(qualified))];
  if (all.length === 0)
    throw new ChatError('BAD_OPTION', 'there is no recipient: the header names none in To, Cc or Bcc');
  const submitter = new Submitter(place, host, log);
  try {
    const outcomes = await submitter.send({ sender, recipients: all, isUtf8 }, content);
    const failures = outcomes.flatMap(({ fate, reply }, i) => (fate === 'delivered' ? [] : [`<${all[i]}>: ${reply}`]));
    for (const line of failures) await print(`lonedot: not sent to ${line}\n`, process.stderr);
    return sysexitOfOutcomes(outcomes);
  } catch (error) {
    const { message } = error as Error;
    throw Object.assign(error as Error, { message: `${submitter.name}: ${message}` });
  } finally {
    submitter.close();
  }
}

function senderOf(text: string, qualified: (address: string) => string): string {
  const address = /<([^<>]*)>\s*$/.exec(text)?.[1] ?? text.trim();
  return address === '' ? '' : qualified(address);
}

/** One argument may hold several, as in `mail a@x.example,b@x.example`. */
function addressesOf(text: string): string[] {
  const parts = text.split(',').map((one) => /<([^<>]*)>\s*$/.exec(one)?.[1] ?? one.trim());
  return parts.filter((one) => one !== '');
}

/** -bs: whoever called speaks SMTP, and the server is at the other end. It is over when the server says so. */
async function passDialogue({ host, port, name }: Upstream): Promise<number> {
  const socket = connect(host.startsWith('/') ? { path: host } : { host, port });
  process.stdin.pipe(socket);
  try {
    await pipeline(socket, process.stdout, { end: false });
    return EX.ok;
  } catch (error) {
    throw Object.assign(error as Error, { message: `${name}: ${(error as Error).message}` });
  }
}
