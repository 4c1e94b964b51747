// Who is told what about a mail: bounces, delay notices and success reports (RFC 3461). A notice is stored by the very
// commit that records what it tells, so there is one for each failure and never two. Mail loops end here: mail without a
// sender is never answered, which includes our own notices; and one sender gets no more than so many in an hour, since a
// forged sender would get them all. What is over the limit is dropped and logged: the failed mail itself stays in the
// store for --keep-failed, where the operator sees it.
import type { Clock } from '../../src/clock.ts';
import type { Log } from '../../src/log.ts';
import type { Claim, NewMessage, Notice, Parameter, Store, Trait } from '../store/store.ts';
import { type Excerpt, excerpt, messageIdOf, originalPart } from './notice-original.ts';
import { formatReport, type ReportAction, type ReportedRecipient } from './notice-report.ts';
import { fromUnitext, fromXtext, isAscii, oneLine } from './notice-text.ts';
import { notifies, parameterOf } from './notify.ts';
import type { Result } from './queue-result.ts';
import type { Routes } from './routes.ts';

export interface NoticesOptions {
  readonly store: Pick<Store, 'nextId' | 'content'>;
  readonly routes: Routes;
  readonly hostname: string;
  /** The address that notices come from; '' is MAILER-DAEMON at the host's name. */
  readonly from: string;
  /** Bytes of a message that are returned with a bounce; of a longer one only the header is. */
  readonly returnSize: number;
  /** Notices to one sender in an hour; Infinity for no limit. */
  readonly perHour: number;
  /** Milliseconds from a recipient's `since` until it is given up. */
  readonly expire: number;
  readonly log: Log;
  readonly clock: Clock;
}

/** What the store takes as a notice's content. */
const MAX_NOTICE = 65_536;
/** Bytes of a notice that may tell of recipients; what does not fit gets a notice of its own. */
const TELLING_ROOM = 12_000;
const HOUR_MS = 3_600_000;
/** Senders that are counted at a time; beyond it the one that was first noticed starts anew. */
const MAX_SENDERS = 10_000;

export class Notices {
  private readonly options: NoticesOptions;
  private readonly sent = new Map<string, number>();
  private hour = Number.NEGATIVE_INFINITY;

  constructor(options: NoticesOptions) {
    this.options = options;
  }

  /** The notices that the results make necessary, to be stored with them. None for nearly every mail. */
  async for(claim: Claim, results: readonly Result[]): Promise<Notice[]> {
    const failed = results.filter((one) => actionOf(one) === 'failed');
    const delayed = results.filter((one) => actionOf(one) === 'delayed');
    const relayed = results.filter((one) => actionOf(one) === 'relayed');
    if (claim.sender === '') {
      // RFC 5321 4.5.5: nothing is ever sent about a mail without a sender.
      if (failed.length > 0) this.drop(claim, failed, 'it has no sender');
      return [];
    }
    const notices: Notice[] = [];
    const groups = [['failed', failed] as const, ['delayed', delayed] as const, ['relayed', relayed] as const];
    for (const [action, about] of groups) {
      if (about.length === 0) continue;
      for (const some of inPortions(about)) {
        const notice = await this.notice(claim, action, some);
        if (notice) notices.push(notice);
      }
    }
    return notices;
  }

  private async notice(claim: Claim, action: ReportAction, results: readonly Result[]): Promise<Notice | null> {
    const { routes, store, log } = this.options;
    const route = routes.find('', claim.sender);
    if (route.kind === 'discard' || route.kind === 'reject')
      return this.drop(claim, results, `its route is ${route.kind}`);
    if (!this.allows(claim.sender)) return this.drop(claim, results, 'the sender has had too many this hour');
    const id = store.nextId();
    const original = await this.originalOf(claim);
    const { content, traits, parameters } = this.report(id, claim, action, results, original);
    // Where mail is looked at, so is what is said about a copy of it: its sender may be none that should hear of tests.
    const kind = route.kind === 'relay' && route.keeps ? 'capture' : route.kind;
    const recipients = [{ address: claim.sender, parameters: [], route: kind }];
    const message: NewMessage = {
      receivedAt: this.options.clock.now(),
      sender: '',
      parameters,
      helo: this.options.hostname,
      clientAddress: '',
      protocol: 'local',
      tls: '',
      authUser: '',
      traits,
      recipients,
    };
    log.info('notice.queued', { id, about: claim.id, action, to: claim.sender, recipients: results.length });
    const about = results.map(({ recipient: { recipientId, fence } }) => ({ recipientId, fence }));
    return { id, message, content, about };
  }

  private report(
    id: string,
    claim: Claim,
    action: ReportAction,
    results: readonly Result[],
    original: Excerpt | null,
  ): { content: Buffer; traits: Trait[]; parameters: Parameter[] } {
    const { hostname, from, returnSize, expire, clock } = this.options;
    const envelopeId = parameterOf(claim.parameters, 'ENVID');
    // RFC 3461 4.3: what is asked for in RET speaks of failures only. Where the content's form was the trouble, giving
    // it back would be the same trouble once more.
    const wantsAll = action === 'failed' && parameterOf(claim.parameters, 'RET')?.toUpperCase() !== 'HDRS';
    const whole = wantsAll && !results.some(({ outcome }) => outcome.status?.startsWith('5.6.'));
    const { content, isEightBit, isUtf8 } = formatReport(
      {
        action,
        id,
        hostname,
        from: from === '' ? `MAILER-DAEMON@${hostname}` : from,
        to: claim.sender,
        at: clock.now(),
        arrivedAt: claim.receivedAt,
        retryUntil: Math.min(...results.map(({ recipient }) => recipient.since)) + expire,
        envelopeId: envelopeId === undefined ? null : oneLine(fromXtext(envelopeId)),
        about: original && messageIdOf(original),
        recipients: results.map((one) => reported(action, one)),
      },
      MAX_NOTICE,
      (room) => original && originalPart(original, whole, Math.min(room, returnSize)),
    );
    const needsUtf8 = isUtf8 || !isAscii(claim.sender);
    const parameters: Parameter[] = [];
    if (isEightBit) parameters.push(['BODY', '8BITMIME']);
    if (needsUtf8) parameters.push(['SMTPUTF8', '']);
    const traits: Trait[] = [
      ...(isEightBit ? ['eight-bit' as const] : []),
      ...(isUtf8 ? ['utf8-header' as const] : []),
    ];
    return { content, traits, parameters };
  }

  private async originalOf(claim: Claim): Promise<Excerpt | null> {
    // RFC 8689 5: without knowing that the way back is encrypted too, nothing of such a message may be shown.
    if (parameterOf(claim.parameters, 'REQUIRETLS') !== undefined) return null;
    const { store, returnSize, log } = this.options;
    try {
      const content = claim.content ? [claim.content] : await store.content(claim.id);
      return content ? await excerpt(content, Math.min(MAX_NOTICE, Math.max(returnSize, 16_384))) : null;
    } catch (error) {
      log.error('notice.without_original', { about: claim.id, error: (error as Error).message });
      return null;
    }
  }

  /** Counts one more to this sender, unless it is too many. */
  private allows(sender: string): boolean {
    const now = this.options.clock.now();
    if (now - this.hour >= HOUR_MS || now < this.hour) {
      this.hour = now;
      this.sent.clear();
    }
    const count = this.sent.get(sender) ?? 0;
    if (count >= this.options.perHour) return false;
    if (count === 0 && this.sent.size >= MAX_SENDERS) this.sent.delete(this.sent.keys().next().value!);
    this.sent.set(sender, count + 1);
    return true;
  }

  private drop(claim: Claim, results: readonly Result[], why: string): null {
    const to = results.map(({ recipient }) => recipient.address);
    this.options.log.warn('notice.dropped', { about: claim.id, sender: claim.sender, to, why });
    return null;
  }
}

function actionOf({ recipient, settlement, outcome }: Result): ReportAction | null {
  const { parameters } = recipient;
  switch (settlement.state) {
    case 'delivered':
      // Nearly every recipient has none.
      if (parameters.length === 0 || outcome.dsn || settlement.attempt === null) return null;
      return notifies(parameters, 'SUCCESS') ? 'relayed' : null;
    case 'bounced':
    case 'expired':
      return notifies(parameters, 'FAILURE') ? 'failed' : null;
    default:
      return settlement.delayNotified ? 'delayed' : null;
  }
}

const FALLBACK_STATUS: Readonly<Record<ReportAction, string>> = { failed: '5.0.0', delayed: '4.0.0', relayed: '2.0.0' };
const EXPIRED = '4.4.7';

function reported(action: ReportAction, { recipient, settlement, outcome, host }: Result): ReportedRecipient {
  const isExpired = settlement.state === 'expired';
  const fallback = isExpired ? EXPIRED : FALLBACK_STATUS[action];
  const isFitting = outcome.status?.[0] === fallback[0];
  return {
    address: recipient.address,
    original: originalRecipient(recipient.parameters),
    status: isFitting && !isExpired ? outcome.status! : fallback,
    said: outcome.reply,
    host: outcome.remote ? host : '',
    remark: remarkOn(isExpired, outcome.fate === 'unknown'),
    attemptedAt: settlement.attempt?.at ?? null,
  };
}

function remarkOn(isExpired: boolean, isUnknown: boolean): string {
  const end = isExpired ? 'It was tried for as long as this server tries, and is given up now.' : '';
  const doubt = isUnknown ? 'It may have arrived all the same: the connection ended before the last answer came.' : '';
  return [end, doubt].filter((sentence) => sentence !== '').join(' ');
}

function originalRecipient(parameters: readonly Parameter[]): string | null {
  const [, type, address] = /^([!-:<-~]+);(.*)$/.exec(parameterOf(parameters, 'ORCPT') ?? '') ?? [];
  if (!type || address === undefined) return null;
  const decoded = /^utf-8$/i.test(type) ? fromUnitext(fromXtext(address)) : fromXtext(address);
  return `${type};${oneLine(decoded)}`;
}

function* inPortions(results: readonly Result[]): Generator<Result[]> {
  let portion: Result[] = [];
  let room = TELLING_ROOM;
  for (const one of results) {
    // It is named twice, and so is what was said.
    const size = 300 + 3 * Buffer.byteLength(one.recipient.address) + 3 * Buffer.byteLength(one.outcome.reply);
    if (portion.length > 0 && size > room) {
      yield portion;
      portion = [];
      room = TELLING_ROOM;
    }
    portion.push(one);
    room -= size;
  }
  if (portion.length > 0) yield portion;
}
