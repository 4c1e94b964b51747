// POST /messages/ID/replay: sends a stored mail once more, to an address that the caller names: the mail with its
// envelope, or its recorded dialogue command by command. That makes the server a client of whatever it can reach, so it
// is for this machine only unless --allow-replay says otherwise.
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { type Address, formatAddress, parseAddress } from '../../../src/address.ts';
import type { Handler, Web } from '../context.ts';
import { inboxOf, summaryFor } from '../frame/ask.ts';
import { readJson } from '../frame/body.ts';
import { isRefusal, Refusal } from '../frame/refusal.ts';
import { problemLine } from './namespaces.ts';
import { playDialogue } from './replay-dialogue.ts';

export const replay: Handler = async (c, web) => {
  const { id } = await summaryFor(c, web);
  const { replayBody } = await import('./schemas.ts');
  const parsed = replayBody.safeParse(await readJson(c));
  if (!parsed.success) throw new Refusal(400, await problemLine(parsed.error));
  const { to, mode = 'mail', sender, recipients } = parsed.data;
  const address = await replayPlace(to, web);
  if (mode === 'dialogue') {
    const lines = await inboxOf(web).transcript(id);
    if (lines.length === 0) throw new Refusal(400, 'no dialogue was recorded with this mail; use mode "mail"');
    const steps = await playDialogue(address, lines, () => web.store.content(id)).catch(unreachable);
    return c.json({ to, mode, steps });
  }
  return c.json({ to, mode, outcomes: await sendAgain(web, id, address, { sender, recipients }) });
};

/** Where it may go. Throws Refusal 400 for what is no address, 403 for another machine. */
export async function replayPlace(to: string, { options }: Pick<Web, 'options'>): Promise<Address> {
  let address: Address;
  try {
    address = parseAddress(to);
  } catch (error) {
    throw new Refusal(400, `to: ${(error as Error).message}`);
  }
  if (address.kind === 'fd') throw new Refusal(400, 'to: a descriptor is no place to send to');
  if (options.allowReplay) return address;
  const refusal = new Refusal(
    403,
    'mail is sent to this machine only; start the server with --allow-replay for others',
  );
  if (address.kind === 'unix') throw refusal;
  const { port, host } = address;
  // The address that was looked at is the one that is used: a name could mean another one the next time.
  const ip = isIP(host)
    ? host
    : await lookup(host)
        .then(({ address: found }) => found)
        .catch(() => '');
  if (!/^127\.|^::1$|^::ffff:127\./.test(ip)) throw refusal;
  return { kind: 'tcp', host: ip, port };
}

interface OtherEnvelope {
  readonly sender: string | undefined;
  readonly recipients: readonly string[] | undefined;
}

export async function sendAgain(web: Web, id: string, to: Address, other: OtherEnvelope) {
  const [stored, content] = await Promise.all([web.store.get(id), web.store.content(id)]);
  if (!stored || !content) throw new Refusal(404, 'the message was deleted meanwhile');
  const { Submitter, parsePlace } = await import('../../../relay/mailbox-files/submit.ts');
  const submitter = new Submitter(parsePlace(formatAddress(to)), 'localhost', web.log);
  const { sender = stored.sender, recipients = stored.recipients.map(({ address }) => address) } = other;
  const isUtf8 = stored.traits.includes('utf8-header');
  try {
    const outcomes = await submitter.send({ sender, recipients, isUtf8 }, content);
    return outcomes.map(({ fate, reply }, i) => ({ recipient: recipients[i]!, outcome: fate, reply }));
  } catch (error) {
    return unreachable(error);
  } finally {
    submitter.close();
  }
}

function unreachable(error: unknown): never {
  if (isRefusal(error)) throw error;
  const line = error instanceof Error ? error.message : String(error);
  throw new Refusal(502, `it could not be sent: ${line.replaceAll(/\s+/g, ' ').slice(0, 300)}`);
}
