// Reads a recording (*.jsonl) back. The whole of it is kept in memory, so that any connection of it can be played.
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { ChatError } from '../../src/errors.ts';
import type { DialogueEvent, FrameEvent } from '../dialogue/event.ts';
import { KINDS, type Kind } from '../profiles/profile.ts';
import { RECORDING, VERSION } from './jsonl.ts';

export interface RecordedConnection {
  readonly conn: number;
  /** Given or found out; 'auto' when nothing was said. */
  protocol: string;
  /** It has carried data for this connection, and cannot be played by itself. */
  readonly of: number | undefined;
  readonly events: DialogueEvent[];
}

export interface Recording {
  readonly secretsAreKept: boolean;
  /** Events that are missing because the recorder did not keep up. */
  readonly lost: number;
  /** In the order in which they were opened. */
  readonly connections: readonly RecordedConnection[];
}

/** A line, of which nothing is known yet. */
interface Entry {
  readonly recording?: unknown;
  readonly version?: unknown;
  readonly secrets?: unknown;
  readonly type?: unknown;
  readonly events?: unknown;
  readonly conn?: unknown;
  readonly seq?: unknown;
  readonly time?: unknown;
  readonly from?: unknown;
  readonly kind?: unknown;
  readonly offset?: unknown;
  readonly bytes?: unknown;
  readonly terminator?: unknown;
  readonly secret?: unknown;
  readonly latency?: unknown;
  readonly answers?: unknown;
  readonly more?: unknown;
  readonly part?: unknown;
  readonly truncated?: unknown;
  readonly open?: unknown;
}

/** Rejects with ChatError BAD_OPTION for what is no recording, or cannot be read. */
export async function readRecording(file: string): Promise<Recording> {
  const connections = new Map<number, RecordedConnection>();
  let header: Entry | undefined;
  let lost = 0;
  let number = 0;
  const input = createReadStream(file, 'utf8');
  try {
    for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
      number++;
      if (line === '') continue;
      const entry = JSON.parse(line) as Entry;
      if (header === undefined) {
        if (entry.recording !== RECORDING || entry.version !== VERSION)
          throw new Error('it is no recording of lonedot');
        header = entry;
      } else if (entry.type === 'lost') lost += Number(entry.events);
      else add(connections, readEvent(entry));
    }
  } catch (error) {
    const where = number === 0 ? file : `${file}:${number}`;
    throw new ChatError('BAD_OPTION', `${where}: ${(error as Error).message}`, {}, error);
  }
  return { secretsAreKept: header?.secrets === 'kept', lost, connections: [...connections.values()] };
}

function add(connections: Map<number, RecordedConnection>, event: DialogueEvent): void {
  if (event.type === 'open') {
    const { conn, protocol, of } = event;
    connections.set(conn, { conn, protocol, of, events: [] });
  }
  const connection = connections.get(event.conn);
  // The beginning may be what was lost.
  if (!connection) return;
  if (event.type === 'protocol') connection.protocol = event.protocol;
  connection.events.push(event);
}

function readEvent(entry: Entry): DialogueEvent {
  if (
    !['open', 'end', 'close', 'note', 'protocol', 'finding', 'lint', 'frame'].includes(String(entry.type)) ||
    !isWhole(entry.conn)
  ) {
    throw new Error('it is no event');
  }
  return entry.type === 'frame' ? readFrame(entry) : (entry as unknown as DialogueEvent);
}

function readFrame(entry: Entry): FrameEvent {
  const { seq, conn, time, from, kind, offset, bytes, terminator = 0, secret, latency = null, answers = null } = entry;
  const isFrame =
    (from === 'client' || from === 'server') &&
    KINDS.includes(kind as Kind) &&
    typeof bytes === 'string' &&
    isWhole(offset) &&
    isWhole(terminator);
  if (!isFrame) throw new Error('it is no frame');
  const [start, end] = Array.isArray(secret) ? (secret as [number, number]) : [0, 0];
  return {
    type: 'frame',
    seq: Number(seq),
    conn: Number(conn),
    time: Number(time),
    from,
    kind: kind as Kind,
    offset,
    bytes: Buffer.from(bytes, 'latin1'),
    terminator,
    secret: secret === undefined ? null : { from: start, to: end },
    latency: latency as number | null,
    answers: answers as number | null,
    more: entry.more === true,
    part: entry.part === true,
    truncated: entry.truncated === true,
    open: entry.open === true,
  };
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value);
}
