// The connections of one process to PostgreSQL. Every question ends in bounded time, whatever has become of the server:
// it answers, or ChatError STORE_FAILED does. Lost connections are made anew when the next question comes; while the
// server cannot be reached, only one question in a while tries, and the others are told so at once.

import { Pool, type PoolClient, type PoolConfig } from 'pg';
import { ChatError } from '../../../src/errors.ts';
import { maskUrls } from '../../../src/redact.ts';
import { databaseName } from '../postgres-url.ts';
import { parsers } from './values.ts';

/** A statement that the server parses once for each connection. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

/** What a question needs to be asked: a connection, alone or inside a transaction. */
export interface Asker {
  /** Rows as arrays of their columns. */
  ask<Row extends readonly unknown[]>(statement: Statement, values: readonly unknown[]): Promise<Row[]>;
}

export interface Transactor extends Asker {
  transaction<T>(work: (asker: Asker) => Promise<T>): Promise<T>;
}

/** Why a question failed, as far as it matters to whoever might ask it again. */
export type Trouble = 'refused' | 'conflict' | 'lost';

/** What the server said, or that it said nothing. */
export class StoreError extends ChatError {
  /**
   * `refused`: it did nothing, and would again. `conflict`: it did nothing, and may another time. `lost`: it cannot be
   * reached, or the connection ended before the answer; what was asked may have been done.
   */
  readonly trouble: Trouble;
  /** SQLSTATE; '' when the server did not speak. */
  readonly state: string;

  constructor(message: string, trouble: Trouble, state: string, facts: Record<string, unknown>) {
    super('STORE_FAILED', message, facts);
    this.trouble = trouble;
    this.state = state;
  }
}

export interface ConnectionOptions {
  /** postgres://user:password@host:port/database, with what libpq's URLs allow behind it. */
  readonly url: string;
  /** How long a question may take in milliseconds; one for a view, or for housekeeping, six times as long. */
  readonly patience: number;
}

/** Connections for what mail waits for, and as many for views, long contents and housekeeping. */
const POOL = 4;
const CONNECT_MS = 5_000;
/** After a failed connect nobody tries for so long; doubled with each further one. */
const REST_MS = { min: 50, max: 500 } as const;
/**
 * Tables that are empty now and long a minute later make a planner's statistics lie; every statement here has an index
 * that it is meant for. A node that stands still within a transaction must not hold up the others for long.
 */
const SETTINGS = [
  'synchronous_commit=on',
  'plan_cache_mode=force_generic_plan',
  'jit=off',
  'enable_seqscan=off',
  'enable_hashjoin=off',
  'enable_mergejoin=off',
  'idle_in_transaction_session_timeout=10000',
  "default_transaction_isolation='read committed'",
  "search_path='lonedot'",
];

export class Connections implements Transactor {
  /** The URL without secrets, for people. */
  readonly name: string;
  /** Called when the server answers again after it had failed. */
  onReturn: () => void = () => {};
  /** How long somebody may wait for a commit, another try after a failure included; in milliseconds. */
  readonly patience: number;
  readonly #urgent: Pool;
  readonly #patient: Pool;
  #rest: number = REST_MS.min;
  #restUntil = 0;
  #lastFailure = '';
  #isAway = false;
  #closing: Promise<void> | null = null;

  constructor({ url, patience }: ConnectionOptions) {
    this.name = databaseName(url);
    this.patience = patience;
    this.#urgent = this.#pool(url, patience);
    this.#patient = this.#pool(url, patience * 6);
  }

  /** One statement, a transaction of its own; for what somebody waits for. */
  async ask<Row extends readonly unknown[]>(statement: Statement, values: readonly unknown[]): Promise<Row[]> {
    return this.#with(this.#urgent, (client) => this.#ask<Row>(client, statement, values));
  }

  /** Statements that are committed together. What `work` rejects with, this rejects with, and nothing is done. */
  transaction<T>(work: (asker: Asker) => Promise<T>): Promise<T> {
    return this.#transaction(this.#urgent, work);
  }

  /** The same for what may take its time. */
  readonly patient: Transactor = {
    ask: (statement, values) => this.#with(this.#patient, (client) => this.#ask(client, statement, values)),
    transaction: (work) => this.#transaction(this.#patient, work),
  };

  #transaction<T>(pool: Pool, work: (asker: Asker) => Promise<T>): Promise<T> {
    return this.#with(pool, async (client) => {
      await this.#ask(client, BEGIN, []);
      let result: T;
      try {
        result = await work({ ask: (statement, values) => this.#ask(client, statement, values) });
      } catch (error) {
        if (!(error instanceof StoreError) || error.trouble !== 'lost') await this.#ask(client, ROLLBACK, []);
        throw error;
      }
      await this.#ask(client, COMMIT, []);
      return result;
    });
  }

  failure(reason: string, trouble: Trouble = 'refused', state = ''): StoreError {
    const text = maskUrls(reason).replaceAll(/\s+/g, ' ');
    return new StoreError(`database ${this.name}: ${text}`, trouble, state, { database: this.name });
  }

  close(): Promise<void> {
    this.#closing ??= Promise.all([this.#urgent.end(), this.#patient.end()]).then(() => {});
    return this.#closing;
  }

  #pool(connectionString: string, patience: number): Pool {
    const config: PoolConfig = {
      connectionString,
      max: POOL,
      application_name: 'lonedot',
      keepAlive: true,
      connectionTimeoutMillis: Math.min(CONNECT_MS, patience),
      query_timeout: patience,
      // The server must not go on with what nobody waits for.
      statement_timeout: patience,
      idleTimeoutMillis: 60_000,
      allowExitOnIdle: true,
      types: { getTypeParser: parsers },
      onConnect: prepare as (client: unknown) => void,
    };
    const pool = new Pool(config);
    // A connection that ends while nobody uses it: the pool has forgotten it already.
    pool.on('error', () => {});
    return pool;
  }

  async #with<T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
    const client = await this.#connect(pool);
    let isLost = false;
    try {
      return await work(client);
    } catch (error) {
      isLost = error instanceof StoreError ? error.trouble === 'lost' : false;
      throw error;
    } finally {
      if (isLost) abandon(client);
      else client.release();
    }
  }

  async #connect(pool: Pool): Promise<PoolClient> {
    if (this.#closing !== null) throw this.failure('the store is closed');
    if (performance.now() < this.#restUntil) throw this.failure(this.#lastFailure, 'lost');
    try {
      const client = await pool.connect();
      this.#rest = REST_MS.min;
      this.#restUntil = 0;
      if (this.#isAway) {
        this.#isAway = false;
        this.onReturn();
      }
      return client;
    } catch (error) {
      const failure = this.#explained(error, true);
      this.#isAway = true;
      this.#lastFailure = failure.reason;
      this.#restUntil = performance.now() + this.#rest;
      this.#rest = Math.min(REST_MS.max, this.#rest * 2);
      throw this.failure(failure.reason, 'lost', failure.state);
    }
  }

  async #ask<Row extends readonly unknown[]>(
    client: PoolClient,
    { name, text }: Statement,
    values: readonly unknown[],
  ): Promise<Row[]> {
    try {
      const query = name === '' ? { text } : { name, text, values: [...values] };
      return (await client.query<Row & unknown[]>({ ...query, rowMode: 'array' })).rows as Row[];
    } catch (error) {
      const { reason, trouble, state } = this.#explained(error, false);
      if (trouble === 'lost') this.#isAway = true;
      throw this.failure(reason, trouble, state);
    }
  }

  #explained(error: unknown, isConnecting: boolean): { reason: string; trouble: Trouble; state: string } {
    const { message = String(error), code } = error as { message?: string; code?: unknown };
    const state = typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : '';
    // The parts of an AggregateError: one for each address of a name.
    const [first] = (error as { errors?: Error[] }).errors ?? [];
    const reason = message || first?.message || String(code ?? error);
    if (state === '') return { reason, trouble: 'lost', state };
    if (isConnecting || GONE.test(state)) return { reason: `${reason} (${state})`, trouble: 'lost', state };
    return { reason: `${reason} (${state})`, trouble: CONFLICT.has(state) ? 'conflict' : 'refused', state };
  }
}

const BEGIN: Statement = { name: '', text: 'BEGIN' };
const COMMIT: Statement = { name: '', text: 'COMMIT' };
const ROLLBACK: Statement = { name: '', text: 'ROLLBACK' };

/** The connection or the server is going away, or is one that may only be read: another connection may do better. */
const GONE = /^(08...|57P0[1-5]|25006|25P03|53300)$/;
/** Serialization failure, deadlock, lock not available. */
const CONFLICT: ReadonlySet<string> = new Set(['40001', '40P01', '55P03']);

/** What each connection begins with; a standby that has taken over nothing yet is as good as no server. */
async function prepare(client: PoolClient): Promise<void> {
  // Whoever uses it is told by the answer to his question; without a listener the event would end the process.
  client.on('error', () => {});
  await client.query(`SET lock_timeout=5000; SET ${SETTINGS.join('; SET ')}`);
  const { rows } = await client.query('SELECT pg_is_in_recovery()');
  if (Object.values(rows[0] as Record<string, unknown>)[0] === true)
    throw new Error('it is a standby, and may only be read');
}

/** Its server may be deaf: nothing is said to it any more. */
function abandon(client: PoolClient): void {
  const { connection } = client as unknown as { connection?: { stream?: { destroy(): void } } };
  client.release(true);
  connection?.stream?.destroy();
}
