// POP3 as a table: the verbs, the states in which each may come, and what it does (RFC 1939; CAPA: RFC 2449; STLS:
// RFC 2595; AUTH: RFC 5034). A verb's function returns a step and writes nothing.
//
//   authorization --USER, PASS or AUTH--> transaction --QUIT--> closing, with what DELE marked deleted
//         |  STLS: under TLS, anew                \--anything else that ends it--> nothing is deleted
//
// Several sessions may have the same mailbox open, each with its own numbers: a mail program must not be locked out
// because a test has left its session open.
import { login, sasl, saslLine, user } from './auth.ts';
import { dotted, listed, topOf } from './blocks.ts';
import type { Pop3View, State, Step } from './context.ts';
import type { Maildrop } from './maildrop.ts';

type Run = (session: Pop3View, argument: string) => Step | Promise<Step>;

interface Row {
  readonly in: readonly State[];
  readonly run: Run;
}

const AUTHORIZATION: readonly State[] = ['authorization'];
const TRANSACTION: readonly State[] = ['transaction'];
const BOTH: readonly State[] = ['authorization', 'transaction'];

export const COMMANDS: ReadonlyMap<string, Row> = new Map<string, Row>([
  ['CAPA', { in: BOTH, run: capa }],
  ['USER', { in: AUTHORIZATION, run: user }],
  ['PASS', { in: AUTHORIZATION, run: login }],
  ['AUTH', { in: AUTHORIZATION, run: sasl }],
  ['STLS', { in: AUTHORIZATION, run: stls }],
  ['STAT', { in: TRANSACTION, run: stat }],
  ['LIST', { in: TRANSACTION, run: list }],
  ['UIDL', { in: TRANSACTION, run: uidl }],
  ['RETR', { in: TRANSACTION, run: retr }],
  ['TOP', { in: TRANSACTION, run: top }],
  ['DELE', { in: TRANSACTION, run: dele }],
  ['RSET', { in: TRANSACTION, run: rset }],
  ['NOOP', { in: TRANSACTION, run: () => ({ reply: '+OK' }) }],
  ['QUIT', { in: BOTH, run: quit }],
]);

/** States in which a line is no command, and what takes it. */
export const LINES: Readonly<Partial<Record<State, Run>>> = { sasl: saslLine };

export const NO_SUCH_COMMAND: Step = { reply: '-ERR no such command' };

/** A command where it does not belong. */
export function outOfPlace(state: State): Step {
  return { reply: state === 'authorization' ? '-ERR log in first' : '-ERR you have logged in already' };
}

function capa({ context, isTls, clientAddress, drop }: Pop3View): Step {
  const mechanisms = context.auth.mechanisms({ address: clientAddress, isTls, certificate: '' });
  const logins = mechanisms.length === 0 ? [] : ['USER', `SASL ${mechanisms.join(' ')}`];
  const tls = context.tls !== null && !isTls && drop === null ? ['STLS'] : [];
  const rest = ['TOP', 'UIDL', 'PIPELINING', 'RESP-CODES', 'AUTH-RESP-CODE', 'IMPLEMENTATION lonedot'];
  return { reply: listed('+OK these', [...logins, ...tls, ...rest]) };
}

function stls({ context, isTls }: Pop3View): Step {
  if (isTls) return { reply: '-ERR TLS is on already' };
  if (context.tls === null) return { reply: '-ERR there is no certificate here' };
  return { reply: '+OK begin TLS', next: 'handshake', upgrade: true };
}

function stat({ drop }: Pop3View): Step {
  const { messages, octets } = drop!.totals();
  return { reply: `+OK ${messages} ${octets}` };
}

function list(session: Pop3View, argument: string): Step {
  return listing(session, argument, (drop, number) => String(drop.size(number)));
}

function uidl(session: Pop3View, argument: string): Step {
  return listing(session, argument, (drop, number) => drop.id(number));
}

function listing({ drop }: Pop3View, argument: string, tell: (drop: Maildrop, number: number) => string): Step {
  if (argument !== '') {
    const number = numberOf(drop!, argument);
    return number === null ? NO_SUCH_MESSAGE : { reply: `+OK ${number} ${tell(drop!, number)}` };
  }
  function* lines(): Generator<string, void, undefined> {
    for (let number = 1; number <= drop!.highest; number++) {
      if (drop!.has(number)) yield `${number} ${tell(drop!, number)}`;
    }
  }
  return { reply: listed(`+OK ${drop!.totals().messages} messages`, lines()) };
}

async function retr({ drop }: Pop3View, argument: string): Promise<Step> {
  const number = numberOf(drop!, argument);
  if (number === null) return NO_SUCH_MESSAGE;
  const content = await drop!.content(number);
  return content ? { reply: dotted(`+OK ${drop!.size(number)} octets`, content) } : GONE;
}

async function top({ drop }: Pop3View, argument: string): Promise<Step> {
  const [, which = '', lines = ''] = /^(\d+)[ \t]+(\d{1,9})$/.exec(argument) ?? [];
  if (lines === '') return { reply: '-ERR write TOP, the number of a message, and a number of lines' };
  const number = numberOf(drop!, which);
  if (number === null) return NO_SUCH_MESSAGE;
  const content = await drop!.content(number);
  return content ? { reply: dotted('+OK', topOf(content, Number(lines))) } : GONE;
}

function dele({ drop }: Pop3View, argument: string): Step {
  const number = numberOf(drop!, argument);
  if (number === null) return NO_SUCH_MESSAGE;
  drop!.mark(number);
  return { reply: `+OK message ${number} goes at QUIT` };
}

function rset({ drop }: Pop3View): Step {
  drop!.unmark();
  const { messages, octets } = drop!.totals();
  return { reply: `+OK ${messages} messages, ${octets} octets` };
}

async function quit({ drop, context }: Pop3View): Promise<Step> {
  try {
    await drop?.update();
    return { reply: '+OK bye', next: 'closing' };
  } catch (error) {
    context.log.error('pop3.delete_failed', { error: (error as Error).message });
    return { reply: '-ERR [SYS/TEMP] not everything was deleted', next: 'closing' };
  }
}

const NO_SUCH_MESSAGE: Step = { reply: '-ERR no such message' };
const GONE: Step = { reply: '-ERR the message has been deleted by somebody else' };

/** Null for what is no number of a message that is there. */
function numberOf(drop: Maildrop, text: string): number | null {
  const number = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  return drop.has(number) ? number : null;
}
