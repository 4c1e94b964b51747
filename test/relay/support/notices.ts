// Notices without a queue: claims and results by hand, and what a reader of mail makes of what comes out. The reader is
// Python's email package: a stranger to this project, and strict about what it calls a defect.
import { spawnSync } from 'node:child_process';
import { expect } from 'chai';
import { Notices, type NoticesOptions } from '../../../relay/queue/notice.ts';
import { type Result, tried } from '../../../relay/queue/queue-result.ts';
import { Routes } from '../../../relay/queue/routes.ts';
import type { RetryPolicy } from '../../../relay/queue/schedule.ts';
import type { Claim, ClaimedRecipient, Notice, Parameter } from '../../../relay/store/store.ts';
import type { Outcome } from '../../../relay/upstream/outcome.ts';
import { FakeClock } from '../../../src/clock.ts';
import { RecordingLog } from './recording-log.ts';

export const NOW = Date.UTC(2026, 10, 22, 9);
const HOUR = 3_600_000;
export const POLICY: RetryPolicy = {
  min: 60_000,
  max: HOUR,
  expire: 5 * 24 * HOUR,
  delayNotice: 4 * HOUR,
  unknown: 'retry',
};

export const ORIGINAL = 'Message-ID: <1@x.example>\r\nFrom: a@x.example\r\nSubject: t\r\n\r\nHello\r\n';
export const NOBODY: Outcome = { fate: 'failed', reply: '550 5.1.1 nobody', status: '5.1.1', remote: true };

export class NoticeBoard {
  readonly clock = new FakeClock(NOW);
  readonly log = new RecordingLog();
  readonly notices: Notices;
  /** What store.content() gives. */
  stored: Buffer[] | undefined;
  private ids = 0;

  constructor(changes: Partial<NoticesOptions> & { readonly rules?: readonly string[] } = {}) {
    const { rules = [], ...options } = changes;
    this.notices = new Notices({
      store: {
        nextId: () => `N${String(++this.ids).padStart(21, '0')}`,
        content: async () => this.stored as unknown as AsyncIterable<Buffer> | undefined,
      },
      routes: new Routes({ rules, upstreams: ['main'], otherwise: 'relay' }),
      hostname: 'mx.example',
      from: '',
      returnSize: 50_000,
      perHour: 100,
      expire: POLICY.expire,
      log: this.log,
      clock: this.clock,
      ...options,
    });
  }

  async for(claim: Claim, results: readonly Result[]): Promise<Notice[]> {
    return this.notices.for(claim, results);
  }
}

export function claimOf(recipients: readonly ClaimedRecipient[], changes: Partial<Claim> = {}): Claim {
  return {
    id: 'M000000000000000000001',
    receivedAt: NOW - HOUR,
    sender: 'a@x.example',
    parameters: [],
    traits: [],
    size: ORIGINAL.length,
    content: Buffer.from(ORIGINAL),
    recipients,
    ...changes,
  };
}

export function recipientOf(address: string, changes: Partial<ClaimedRecipient> = {}): ClaimedRecipient {
  const common = { attempts: 0, state: 'queued' as const, fence: 1, delayNotified: false, order: null };
  return { recipientId: 65536, address, parameters: [], since: NOW - HOUR, ...common, ...changes };
}

export function notify(value: string, orcpt?: string): { parameters: Parameter[] } {
  return { parameters: [['NOTIFY', value], ...(orcpt === undefined ? [] : [['ORCPT', orcpt] as const])] };
}

/** Each recipient with its outcome, as an attempt now would have it. */
export function resultsOf(claim: Claim, ...outcomes: readonly Outcome[]): Result[] {
  const trial = { at: NOW, upstream: 'main', tls: '', host: 'up.example' };
  return claim.recipients.map((one, i) => tried(claim, one, outcomes[i] ?? outcomes[0]!, trial, POLICY));
}

/** As Python's email package reads a mail. */
export interface ReadPart {
  readonly type: string;
  readonly encoding: string | null;
  readonly charset: string | null;
  /** Each field as it reads unfolded; a name that comes twice would show here as a list. */
  readonly fields: Readonly<Record<string, string>>;
  /** Decoded; '' for what has parts. */
  readonly text: string;
  readonly parts: readonly ReadPart[];
}

const READER = `
import sys, json, email, email.policy
# This reader knows no message/global, and would look for fields before it has decoded them.
data = sys.stdin.buffer.read().replace(b'\\nContent-Type: message/global', b'\\nContent-Type: application/global')
m = email.message_from_bytes(data, policy=email.policy.default.clone(raise_on_defect=True))
def read(p):
    fields = {}
    for k, v in p.items():
        fields[k] = str(v) if k not in fields else [fields[k], str(v)]
    kids = [read(q) for q in p.get_payload()] if p.is_multipart() else []
    text = '' if p.is_multipart() else (p.get_payload(decode=True) or b'').decode('utf-8', 'replace')
    return dict(type=p.get_content_type(), encoding=p.get('content-transfer-encoding'),
        charset=p.get_content_charset(), fields=fields, text=text, parts=kids)
json.dump(read(m), sys.stdout)
`;

/** Reads a notice, after looking at its bytes: lines that end with CRLF and are no longer than RFC 5322 allows. */
export function readMail(content: Buffer): ReadPart {
  const bytes = content.toString('latin1');
  expect(bytes, 'bare CR or LF').to.not.match(/\r(?!\n)|(?<!\r)\n/);
  expect(bytes, 'another control character').to.not.match(/(?![\r\n\t\x80-\xff])\p{Cc}/u);
  expect(bytes, 'a line over 998').to.not.match(/[^\r\n]{999}/);
  expect(bytes.endsWith('\r\n')).to.equal(true);
  expect(content.length).to.be.at.most(65_536);
  const { stdout, stderr, status } = spawnSync('python3', ['-c', READER], { input: content, timeout: 20_000 });
  expect(status, stderr.toString('utf8')).to.equal(0);
  return JSON.parse(stdout.toString('utf8')) as ReadPart;
}

/** The fields of message/delivery-status: those of the message, then those of each recipient. */
export function statusOf(mail: ReadPart): Readonly<Record<string, string>>[] {
  const part = mail.parts[1]!;
  if (part.type === 'message/delivery-status') return part.parts.map(({ fields }) => fields);
  expect(part.type).to.equal('application/global-delivery-status');
  return part.text
    .trimEnd()
    .split('\r\n\r\n')
    .map((group) => {
      const lines = group.replace(/\r\n(?= )/g, '').split('\r\n');
      return Object.fromEntries(lines.map((line) => /^([\w-]+): (.*)$/.exec(line)!.slice(1)));
    });
}
