// The store on PostgreSQL, for several nodes on one queue. Each statement is one round trip and one commit; what waits at
// the same time shares them (postgres/batches.ts).

import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { type Clock, realClock } from '../../src/clock.ts';
import { MessageIds } from './message-id.ts';
import { Channel } from './postgres/channel.ts';
import { Claims } from './postgres/claims.ts';
import { Commits } from './postgres/commits.ts';
import { Connections, type Statement } from './postgres/connections.ts';
import { migrate } from './postgres/migrate.ts';
import { Nodes } from './postgres/nodes.ts';
import { Remover } from './postgres/removal.ts';
import { Scan } from './postgres/scan.ts';
import { RECIPIENT_SPAN } from './postgres/schema.ts';
import { Settling } from './postgres/settle.ts';
import { ShareTable } from './postgres/shares.ts';
import { Views } from './postgres/views.ts';
import { PostgresWriter } from './postgres/writer.ts';
import { type QueueColumns, queueEntries } from './rows.ts';
import type {
  Claim,
  Counts,
  MessageSummary,
  MessageWriter,
  NodeView,
  PausedUpstream,
  QueueAction,
  QueueEntry,
  QueueFilter,
  Settlement,
  SettleOptions,
  Share,
  ShareAsk,
  Store,
  StoredMessage,
} from './store.ts';

const PATIENCE_MS = 10_000;
/**
 * After the server was away nothing is claimed for so long: every node first gets to record what it has delivered
 * meanwhile, and to find out what became of its last commit, or the same mail would be sent once more.
 */
const RECOVERY_MS = 3_000;
/** Loose pieces are looked for so often. */
const SWEEP_MS = 60_000;
const CHANGE_PAUSE_MS = 10;
const GREATEST: Statement = { name: 'greatest', text: 'SELECT max(id) FROM message' };
/** Writes and syncs a few bytes into the log, and no table. */
const CHECK: Statement = { name: 'check', text: `SELECT pg_logical_emit_message(true, 'lonedot', 'check')` };
const SERVER_AGE: Statement = {
  name: 'server_age',
  text: 'SELECT (extract(epoch FROM clock_timestamp() - pg_postmaster_start_time()) * 1000)::bigint',
};

export interface PostgresOptions {
  /** postgres://user:password@host:port/database */
  readonly url: string;
  readonly clock?: Clock;
  /** How long a question may take, in milliseconds. Default 10 s. */
  readonly patience?: number;
  /** Called for each commit of new mail: how long it took, sync included, and how many messages shared it. */
  readonly onCommit?: (ms: number, writes: number) => void;
  /** This process takes in and delivers: others see it as a node. Default false. */
  readonly isNode?: boolean;
  /** A database without our tables is refused. Default false: they are made. */
  readonly mustExist?: boolean;
}

/** Rejects with STORE_FAILED when the database cannot be reached, or is not to be used. */
export async function openPostgresStore(options: PostgresOptions): Promise<Store> {
  const connections = new Connections({ url: options.url, patience: options.patience ?? PATIENCE_MS });
  try {
    await migrate(connections, options.mustExist ?? false);
    const [greatest] = await connections.ask<[string | null]>(GREATEST, []);
    const [age] = await connections.ask<[number]>(SERVER_AGE, []);
    const store = new PostgresStore(options, connections, greatest![0], age![0]);
    await store.open();
    return store;
  } catch (error) {
    await connections.close().catch(() => {});
    throw error;
  }
}

class PostgresStore implements Store {
  readonly #connections: Connections;
  readonly #clock: Clock;
  readonly #ids: MessageIds;
  readonly #commits: Commits;
  readonly #claims: Claims;
  readonly #remover: Remover;
  readonly #settling: Settling;
  readonly #scan: Scan;
  readonly #views: Views;
  readonly #shares: ShareTable;
  readonly #nodes: Nodes;
  readonly #channel: Channel;
  readonly #id = `${hostname()}-${process.pid}-${randomBytes(4).toString('hex')}`;
  readonly #underWay = new Set<Promise<unknown>>();
  readonly #watchers = new Set<() => void>();
  readonly #sweeps: NodeJS.Timeout;
  #recoveringUntil: number;
  #closing: Promise<void> | null = null;

  constructor(options: PostgresOptions, connections: Connections, greatestId: string | null, serverAge: number) {
    const { url, clock = realClock, onCommit = () => {}, isNode = false } = options;
    this.#connections = connections;
    this.#clock = clock;
    this.#ids = new MessageIds(clock, greatestId);
    this.#claims = new Claims(connections);
    this.#remover = new Remover(connections);
    this.#commits = new Commits(connections, this.#remover, onCommit);
    this.#settling = new Settling(connections, this.#commits, this.#remover);
    this.#scan = new Scan(connections, this.#remover);
    this.#views = new Views(connections);
    this.#shares = new ShareTable(connections);
    this.#nodes = new Nodes(connections, this.#id, isNode);
    this.#channel = new Channel({
      ...{ url, id: this.#id, connections },
      changed: () => {
        for (const tell of this.#watchers) tell();
      },
      beat: (ask) => this.#nodes.beat(ask),
    });
    this.#recoveringUntil = performance.now() + Math.max(0, RECOVERY_MS - serverAge);
    connections.onReturn = () => {
      this.#recoveringUntil = performance.now() + RECOVERY_MS;
    };
    this.#sweeps = setInterval(() => this.#remover.sweepSoon(), SWEEP_MS);
    this.#sweeps.unref();
  }

  async open(): Promise<void> {
    await this.#channel.open();
    this.#remover.sweepSoon();
  }

  begin(): MessageWriter {
    return new PostgresWriter(this.#ids.next(), {
      ...{ connections: this.#connections, commits: this.#commits, remover: this.#remover },
      ...{ node: this.#id, underWay: this.#underWay, committed: () => this.#channel.tell() },
    });
  }

  nextId(): string {
    return this.#ids.next();
  }

  claim(owner: string, now: number, leaseMs: number, limit: number): Promise<Claim[]> {
    if (performance.now() < this.#recoveringUntil) return this.#guarded(async () => []);
    return this.#guarded(() => this.#claims.claim(owner, now, leaseMs, limit));
  }

  renew(leases: readonly { recipientId: number; fence: number }[], until: number): Promise<Set<number>> {
    return this.#guarded(() => this.#claims.renew(leases, until));
  }

  async check(): Promise<void> {
    await this.#guarded(() => this.#connections.ask(CHECK, []));
  }

  settle(results: readonly Settlement[], options: SettleOptions = {}): Promise<number> {
    return this.#changing(() => this.#settling.settle(results, options));
  }

  purge(before: number): Promise<number> {
    return this.#changing(() => this.#remover.purge(before));
  }

  hasten(now: number, longestMs: number, leaseMs: number): Promise<number> {
    return this.#changing(() => this.#claims.hasten(now, longestMs, leaseMs));
  }

  async nextDue(): Promise<number | null> {
    const due = await this.#guarded(() => this.#claims.nextDue());
    const wait = this.#recoveringUntil - performance.now();
    return due !== null && wait > 0 ? Math.max(due, this.#clock.now() + wait) : due;
  }

  content(id: string): Promise<AsyncIterable<Buffer> | undefined> {
    return this.#guarded(() => this.#views.content(id));
  }

  get(id: string): Promise<StoredMessage | undefined> {
    return this.#guarded(() => this.#views.get(id));
  }

  list(limit: number, before?: number): Promise<MessageSummary[]> {
    return this.#guarded(() => this.#views.list(limit, before));
  }

  delete(ids: readonly string[]): Promise<number> {
    return this.#changing(() => this.#remover.delete(ids));
  }

  trim(max: number): Promise<number> {
    return this.#changing(() => this.#remover.trim(max));
  }

  counts(): Promise<Counts> {
    return this.#guarded(() => this.#views.counts());
  }

  queue(filter: QueueFilter, limit: number, after = 0): Promise<QueueEntry[]> {
    return this.#guarded(async () => {
      const rows: QueueColumns[] = [];
      const messages = new Set<number>();
      let from: number | null = (after + 1) * RECIPIENT_SPAN;
      // One more than asked for: only then it is known that the last one has all its recipients.
      while (from !== null && messages.size <= limit) {
        const step = await this.#scan.step(filter, from, this.#clock.now());
        for (const row of step.rows) messages.add(row[0]);
        rows.push(...step.rows);
        from = step.next;
      }
      return queueEntries(rows).slice(0, Math.max(0, limit));
    });
  }

  change(filter: QueueFilter, action: QueueAction, now: number): Promise<{ changed: number; busy: number }> {
    return this.#changing(async () => {
      if (action === 'flush') await this.#views.endPauses(now);
      let changed = 0;
      let busy = 0;
      let from: number | null = 0;
      while (from !== null) {
        const step: { changed: number; busy: number; next: number | null } = await this.#scan.change(
          ...([filter, action, from, now] as const),
        );
        changed += step.changed;
        busy += step.busy;
        from = step.next;
        if (from !== null && step.changed > 0) await pause(CHANGE_PAUSE_MS);
      }
      // Whoever has changed something looks what has become of it.
      this.#views.countAnew();
      return { changed, busy };
    });
  }

  notePauses(owner: string, pauses: readonly PausedUpstream[], now: number): Promise<void> {
    return this.#guarded(() => this.#views.notePauses(owner, pauses, now));
  }

  pauses(now: number, owner?: string): Promise<PausedUpstream[]> {
    return this.#guarded(() => this.#views.pauses(now, owner));
  }

  share(ask: ShareAsk): Promise<Share> {
    return this.#guarded(() => this.#shares.share(ask));
  }

  nodes(): Promise<NodeView[]> {
    return this.#guarded(() => this.#nodes.all());
  }

  watch(changed: () => void): () => void {
    this.#watchers.add(changed);
    return () => this.#watchers.delete(changed);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    clearInterval(this.#sweeps);
    await Promise.allSettled([...this.#underWay]);
    await this.#settling.settled();
    await this.#commits.settled();
    await this.#remover.stop();
    await this.#nodes.leave();
    await this.#channel.close();
    await this.#connections.close();
  }

  /** What is asked before close() is answered before the connections are closed; what comes later is rejected. */
  #guarded<T>(ask: () => Promise<T>): Promise<T> {
    if (this.#closing !== null) return Promise.reject(this.#connections.failure('the store is closed'));
    const answer = ask().finally(() => this.#underWay.delete(answer));
    this.#underWay.add(answer);
    return answer;
  }

  #changing<T>(ask: () => Promise<T>): Promise<T> {
    return this.#guarded(async () => {
      const result = await ask();
      this.#channel.tell();
      return result;
    });
  }
}
