// MailHog's other routes: events as they come, release to a server that the caller names, and Jim, its name for chaos.
import { Chaos } from '../../../relay/faults/chaos.ts';
import { formatAddress } from '../../../src/address.ts';
import type { Handler, Web } from '../context.ts';
import { bareAddress } from '../frame/address.ts';
import { summaryFor } from '../frame/ask.ts';
import { Fields, readJson } from '../frame/body.ts';
import { Refusal } from '../frame/refusal.ts';
import { answerStream, encoded } from '../frame/stream.ts';
import { MAILHOG } from '../live/dialects.ts';
import { replayPlace, sendAgain } from '../lonedot/replay.ts';
import { storeId } from './message.ts';

const KEEP_ALIVE_MS = 60_000;
/** Mails that a listener has not read yet. */
const MAX_WAITING = 100;

/** Each new mail, whole, as a server-sent event. */
export const events: Handler = async (c, web) => {
  const hub = await web.hub();
  const waiting: string[] = [];
  let wake = (): void => {};
  let life: 'open' | 'ended' = 'open';
  const isOpen = (): boolean => life === 'open';
  const leave = hub.join(MAILHOG, c.get('namespace'), (frame) => {
    if (waiting.length >= MAX_WAITING) return end();
    waiting.push(frame);
    wake();
  });
  function end(): void {
    life = 'ended';
    leave();
    web.stopping.removeEventListener('abort', end);
    c.env?.outgoing?.removeListener('close', end);
    wake();
  }
  web.stopping.addEventListener('abort', end);
  c.env?.outgoing?.once('close', end);
  c.env?.incoming?.socket.setTimeout(0);
  async function* texts(): AsyncGenerator<string> {
    try {
      yield ': listening\n\n';
      while (isOpen()) {
        const frame = waiting.shift();
        if (frame !== undefined) yield `data: ${frame}\n\n`;
        else if (!(await somethingWithin(KEEP_ALIVE_MS))) yield ': still here\n\n';
      }
    } finally {
      end();
    }
  }
  function somethingWithin(ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = web.clock.setTimeout(() => resolve(false), ms);
      wake = () => {
        web.clock.clearTimeout(timer);
        resolve(true);
      };
    });
  }
  const headers = { 'Content-Type': 'text/event-stream', 'X-Accel-Buffering': 'no' };
  return answerStream(c, web, encoded(texts()), headers, end);
};

/** To this machine only, unless --allow-replay says otherwise: the caller names the server. */
export const releaseMessage: Handler = async (c, web) => {
  const { id } = await summaryFor(c, web, storeId(c.req.param('id') ?? ''));
  const fields = new Fields(await readJson(c));
  const [email, host, port] = [fields.text('Email'), fields.text('Host'), fields.text('Port')];
  const address = bareAddress(email);
  if (address === null)
    throw new Refusal(400, `Email is no address: ${email.slice(0, 320).replaceAll(/\p{Cc}/gu, ' ')}`);
  const place = await replayPlace(`${host.includes(':') ? `[${host}]` : host}:${port}`, web);
  const [outcome] = await sendAgain(web, id, place, { sender: undefined, recipients: [address] });
  if (outcome?.outcome !== 'delivered') {
    throw new Refusal(500, `${formatAddress(place)} did not take it: ${outcome?.reply ?? 'no answer'}`);
  }
  return c.body('', 200, { 'Content-Type': 'text/json' });
};

/** Of an upstream that was set up, by its name; none of its secrets. */
export const outgoingSmtp: Handler = (c, { release }) => {
  const { upstream = '' } = release?.policy ?? {};
  return c.json(upstream === '' ? {} : { [upstream]: { Name: upstream, Host: '', Port: '', Email: '' } });
};

/** The chances that Jim has: the one that a sender or recipient is refused, as MailHog counts them. */
const FIELDS = [
  'DisconnectChance',
  'AcceptChance',
  'LinkSpeedAffect',
  'LinkSpeedMin',
  'LinkSpeedMax',
  'RejectSenderChance',
  'RejectRecipientChance',
  'RejectAuthChance',
] as const;

export const getJim: Handler = (c, web) => {
  const { chaos, isOn } = jimOf(web);
  if (!isOn) return c.body('', 404);
  const { Sender, Recipient, Authentication } = chaos.get();
  const chances: Readonly<Record<string, number>> = {
    AcceptChance: 1,
    RejectSenderChance: Sender.Probability / 100,
    RejectRecipientChance: Recipient.Probability / 100,
    RejectAuthChance: Authentication.Probability / 100,
  };
  return c.json(Object.fromEntries(FIELDS.map((name) => [name, chances[name] ?? 0])));
};

export const createJim: Handler = async (c, web) => {
  const { chaos, isOn } = jimOf(web);
  if (isOn) return c.body('', 400);
  await setJim(chaos, await readJson(c), { sender: 0.05, recipient: 0.05, auth: 0.05 });
  return c.body('', 201);
};

export const updateJim: Handler = async (c, web) => {
  const { chaos, isOn } = jimOf(web);
  if (!isOn) return c.body('', 404);
  const { Sender, Recipient, Authentication } = chaos.get();
  await setJim(chaos, await readJson(c), {
    sender: Sender.Probability / 100,
    recipient: Recipient.Probability / 100,
    auth: Authentication.Probability / 100,
  });
  return c.body('', 200);
};

export const deleteJim: Handler = (c, web) => {
  const { chaos, isOn } = jimOf(web);
  if (!isOn) return c.body('', 404);
  chaos.set({});
  return c.body('', 200);
};

/** Needs no option, other than Mailpit's chaos: calling it is asking for it. */
function jimOf({ faults, chaos: known }: Web): { chaos: Chaos; isOn: boolean } {
  if (!faults) throw new Refusal(404, 'this server injects no faults');
  const chaos = known ?? new Chaos(faults);
  const isOn = Object.values(chaos.get()).some(({ Probability }) => Probability > 0);
  return { chaos, isOn };
}

interface Chances {
  readonly sender: number;
  readonly recipient: number;
  readonly auth: number;
}

async function setJim(chaos: Chaos, given: unknown, otherwise: Chances): Promise<void> {
  const fields = new Fields(given);
  const trigger = (name: string, chance: number) => {
    const value = fields.has(name) ? fields.number(name) : chance;
    if (value < 0 || value > 1) throw new Refusal(400, `${name} must be a number from 0 to 1`);
    return { Probability: Math.round(value * 100) };
  };
  chaos.set({
    Sender: trigger('RejectSenderChance', otherwise.sender),
    Recipient: trigger('RejectRecipientChance', otherwise.recipient),
    Authentication: trigger('RejectAuthChance', otherwise.auth),
  });
}
