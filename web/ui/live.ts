// The live events: a WebSocket that comes back by itself. Whoever heeds it is told when it has come back, because what
// happened meanwhile is not told again.
import { signal } from '@preact/signals';
import { EVENTS } from './api.ts';
import type { LiveEvent } from './api-types.ts';
import { addressOf } from './http.ts';

const FIRST_PAUSE_MS = 250;
const LAST_PAUSE_MS = 10_000;

export type Connection = 'connecting' | 'live' | 'lost';
export const connection = signal<Connection>('connecting');

/** What the server said of sessions that failed. */
export const serverErrors = signal<readonly string[]>([]);
const ERRORS_KEPT = 50;

interface Heed {
  /** In the order in which they came, once for each picture on the screen. */
  events(batch: readonly LiveEvent[]): void;
  /** Connected again: look at everything anew. */
  again(): void;
}

export function startLive(heed: Heed): void {
  let pause = FIRST_PAUSE_MS;
  let wasConnected = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let waiting: LiveEvent[] = [];

  function connect(): void {
    const socket = new WebSocket(addressOf(EVENTS).replace(/^http/, 'ws'));
    socket.addEventListener('open', () => {
      pause = FIRST_PAUSE_MS;
      connection.value = 'live';
      if (wasConnected) heed.again();
      wasConnected = true;
    });
    socket.addEventListener('message', ({ data }) => take(String(data)));
    socket.addEventListener('close', () => {
      connection.value = 'lost';
      // Spread, so that many pages do not come back at once.
      timer = setTimeout(connect, pause * (0.75 + Math.random() / 2));
      pause = Math.min(pause * 2, LAST_PAUSE_MS);
    });
  }

  function take(data: string): void {
    const event = parse(data);
    if (event === undefined) return;
    if (waiting.push(event) > 1) return;
    // Nothing is drawn in a hidden page, and no frame would come.
    if (document.hidden) setTimeout(flush, 50);
    else requestAnimationFrame(flush);
  }

  function flush(): void {
    const batch = waiting;
    waiting = [];
    for (const event of batch) {
      if (event.Type === 'error')
        serverErrors.value = [event.Data.Message, ...serverErrors.value].slice(0, ERRORS_KEPT);
    }
    heed.events(batch);
  }

  /** The network is back, or the reader: not at the end of a long pause. */
  function hurry(): void {
    if (connection.value !== 'lost' || document.hidden) return;
    clearTimeout(timer);
    pause = FIRST_PAUSE_MS;
    connection.value = 'connecting';
    connect();
  }

  addEventListener('online', hurry);
  document.addEventListener('visibilitychange', hurry);
  connect();
}

function parse(data: string): LiveEvent | undefined {
  try {
    return JSON.parse(data) as LiveEvent;
  } catch {
    return undefined;
  }
}
