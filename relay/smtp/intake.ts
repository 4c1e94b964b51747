// The taking-in of messages, one at a time: how one is begun, how fast it has to come, and what becomes of it at its end.
// Apart from the connection's life (session.ts), which goes on whatever the store says here.

import { realClock } from '../../src/clock.ts';
import type { TranscriptLine } from '../inbox/transcript.ts';
import type { Claim, NewMessage, NewRecipient } from '../store/store.ts';
import { Content } from './content.ts';
import type { Envelope, EnvelopeRecipient } from './envelope.ts';
import { Pace } from './pace.ts';
import { ownMark, protocolName, receivedHeader } from './received.ts';
import { REPLIES, type Reply, reply } from './replies.ts';
import type { SmtpSession } from './session-view.ts';

const NO_LINES: readonly TranscriptLine[] = [];

export class Intake {
  private readonly session: SmtpSession;
  private content: Content | null = null;
  private pace: Pace | null = null;

  constructor(session: SmtpSession) {
    this.session = session;
  }

  /** Whether a message was begun that is still wanted. */
  get isOpen(): boolean {
    return this.content !== null;
  }

  /** Bytes of it so far. */
  get size(): number {
    return this.content?.size ?? 0;
  }

  /** Why it will not be stored, as far as is known. */
  get refusal(): Reply | null {
    return this.content?.refusal ?? null;
  }

  /** Opens the store for the message that the envelope announces: by DATA, with dots, or in chunks, without. */
  begin(how: 'data' | 'chunks'): void {
    const { session } = this;
    const { policy, timeouts } = session.context;
    this.content = openContent(session, how);
    this.pace = policy.minDataRate > 0 ? new Pace(policy.minDataRate, timeouts.dataIdle, realClock.steady()) : null;
  }

  /** We let the client wait: that time is not counted as its own. */
  waited(): void {
    this.pace?.restart(realClock.steady());
  }

  /** Gives it up. */
  drop(): void {
    this.content?.abort();
    this.content = null;
    this.pace = null;
  }

  /** Takes a piece, or lets it go when nothing is wanted. A reply ends the session; a promise asks to wait. */
  take(piece: Buffer): Reply | undefined | Promise<void> {
    const { content, pace } = this;
    if (content === null) return undefined;
    if (pace !== null && !pace.take(piece.length, realClock.steady())) return REPLIES.tooSlow;
    const wait = content.take(piece);
    if (content.endless) return REPLIES.endless;
    // Time that the store takes is not the client's.
    if (wait !== undefined) return pace === null ? wait : wait.then(() => pace.restart(realClock.steady()));
    return undefined;
  }

  /**
   * The answer to the whole message: a 250 only when it is committed and synced. Never rejects. From here on the message
   * is complete, and stored even if the client is gone meanwhile (RFC 1047).
   */
  async finish(): Promise<Reply> {
    const { content, session } = this;
    this.content = null;
    this.pace = null;
    if (content === null) return REPLIES.notNow;
    try {
      const early = content.finish();
      const refusal = early instanceof Promise ? await early : early;
      session.transcript?.content(content.size);
      return refusal ?? (await commit(content, session));
    } catch (error) {
      content.abort();
      session.context.log.error('message.not_stored', { id: content.id, error: (error as Error).message });
      return REPLIES.storeFailed;
    }
  }
}

function openContent(session: SmtpSession, how: 'data' | 'chunks'): Content {
  const { store, lineEndings } = session.context;
  if (store === null) throw new Error('a command ran before the store was open');
  const writer = store.begin();
  const { client, envelope, hostname } = session;
  const header = receivedHeader({
    helo: client.helo ?? session.helo,
    client: client.address,
    clientName: client.name,
    by: hostname,
    protocol: protocolOf(session),
    tls: session.tls,
    id: writer.id,
    recipient: onlyRecipient(envelope),
    at: new Date(),
  });
  return new Content(writer, {
    limits: session.limits,
    lineEndings: envelope.isBinary ? 'binary' : lineEndings,
    how,
    header: Buffer.from(header, 'latin1'),
    mark: ownMark(hostname),
  });
}

/** For the trace line: several would tell each of the others, and a field of ours keeps to ASCII. */
function onlyRecipient({ recipients }: Envelope): string | null {
  const [only] = recipients;
  return only && recipients.length === 1 && /^[ -~]*$/.test(only.address) ? only.address : null;
}

async function commit(content: Content, session: SmtpSession): Promise<Reply> {
  const { log, delivery } = session.context;
  const message = newMessage(content, session);
  const answer = reply(250, '2.0.0', `Ok: queued as ${content.id}`);
  const { forwarded } = session.envelope;
  const fields = {
    id: content.id,
    from: message.sender,
    to: addresses(message),
    size: content.size,
    ...(session.user === '' ? {} : { user: session.user }),
    ...(forwarded === null ? {} : { forwarded }),
  };
  if (message.recipients.length === 0) {
    content.abort();
    log.info('message.discarded', { ...fields, to: session.envelope.recipients.map(({ address }) => address) });
    return answer;
  }
  const relayed = message.recipients.some((one) => one.route === 'relay');
  const place = relayed ? (delivery?.reserve() ?? null) : null;
  let claim: Claim | null = null;
  try {
    claim = await content.commit(message, place ?? undefined);
  } finally {
    if (place) delivery?.use(place, claim);
  }
  session.context.stats.messageAccepted(content.size);
  session.context.accepted({
    id: content.id,
    isWaiting: relayed && place === null,
    transcript: session.transcript?.accepted(answersOf(session, answer)) ?? NO_LINES,
  });
  log.info('message.accepted', fields);
  return answer;
}

function newMessage(content: Content, session: SmtpSession): NewMessage {
  const { client, envelope, tls } = session;
  return {
    receivedAt: Date.now(),
    sender: envelope.sender ?? '',
    parameters: envelope.parameters,
    helo: client.helo ?? session.helo,
    clientAddress: client.address,
    protocol: protocolOf(session),
    tls: tls?.version ?? '',
    authUser: session.user,
    traits: content.traits,
    // What tells by which listener a mail came; others have no use for it.
    ...(session.transcript === null ? {} : { port: session.peer.localPort }),
    recipients: storedRecipients(envelope.recipients),
  };
}

function storedRecipients(all: readonly EnvelopeRecipient[]): NewRecipient[] {
  const stored: NewRecipient[] = [];
  for (const one of all) {
    if (one.route === 'discard') continue;
    if (one.route !== 'copy') stored.push(one as NewRecipient);
    else stored.push({ ...one, route: 'capture' }, { ...one, route: 'relay' });
  }
  return stored;
}

/** RFC 2033 4.2: one reply for each recipient that was taken. */
export function answersOf({ isLmtp, envelope }: SmtpSession, answer: Reply): readonly Reply[] {
  return isLmtp ? envelope.recipients.map(() => answer) : [answer];
}

function addresses({ recipients }: NewMessage): string[] {
  const all = recipients.map(({ address }) => address);
  // One of whose mail a copy is relayed stands there twice.
  return all.length === 1 ? all : [...new Set(all)];
}

function protocolOf({ client, protocol, tls, user, envelope }: SmtpSession): string {
  if (client.protocol !== null) return client.protocol;
  return protocolName({ protocol, isTls: tls !== null, isLoggedIn: user !== '', isUtf8: envelope.isUtf8 });
}
