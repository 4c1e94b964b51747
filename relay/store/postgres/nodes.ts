// The processes that work on one queue: each writes every few seconds that it lives, and how its clock goes. Times are the
// server's, so that a node with a wrong clock is seen for what it is and not as one that is gone.

import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import type { NodeView } from '../store.ts';
import type { Connections, Statement } from './connections.ts';

const NOW = '(extract(epoch FROM clock_timestamp()) * 1000)::bigint';
/** A node that has not been seen for so long is forgotten. */
const FORGOTTEN_MS = 24 * 3_600_000;

const BEAT = `WITH gone AS (DELETE FROM node WHERE seen_at < ${NOW} - ${FORGOTTEN_MS})
  INSERT INTO node (id, host, pid, version, since, seen_at, clock_ahead)
  VALUES ($1, $2, $3, $4, ${NOW}, ${NOW}, $5::bigint - ${NOW})
  ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at, clock_ahead = excluded.clock_ahead`;
const LEAVE: Statement = { name: 'leave', text: 'DELETE FROM node WHERE id = $1' };
const ALL: Statement = {
  name: 'nodes',
  text: `SELECT id, host, pid, version, ${NOW} - since, ${NOW} - seen_at, clock_ahead FROM node ORDER BY host, pid, id`,
};

export class Nodes {
  readonly #connections: Connections;
  readonly #id: string;
  /** null for a process that only looks. */
  readonly #version: string | null;

  constructor(connections: Connections, id: string, isNode: boolean) {
    this.#connections = connections;
    this.#id = id;
    this.#version = isNode ? version() : null;
  }

  async beat(ask: (text: string, values: unknown[]) => Promise<unknown[][]>): Promise<void> {
    if (this.#version === null) return;
    await ask(BEAT, [this.#id, hostname(), process.pid, this.#version, Date.now()]);
  }

  async leave(): Promise<void> {
    if (this.#version === null) return;
    // Whoever cannot say that it goes is seen to be gone.
    await this.#connections.ask(LEAVE, [this.#id]).catch(() => {});
  }

  async all(): Promise<NodeView[]> {
    type Row = [string, string, number, string, number, number, number];
    const rows = await this.#connections.patient.ask<Row>(ALL, []);
    return rows.map(([id, host, pid, version, upMs, unseenMs, clockAheadMs]) => {
      return { id, host, pid, version, upMs, unseenMs, clockAheadMs };
    });
  }
}

/** Of the package that this file came with. */
function version(): string {
  // Built files lie one folder deeper (dist/relay/) than the sources (relay/).
  const up = import.meta.url.endsWith('.ts') ? '../../../' : '../../../../';
  const manifest = readFileSync(new URL(`${up}package.json`, import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
