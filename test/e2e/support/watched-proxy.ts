// A proxy whose dialogue a test reads: every event of it, with its secrets.
import { Writable } from 'node:stream';
import { expect } from 'chai';
import type { DialogueEvent, SideName } from '../../../proxy/dialogue/event.ts';
import { type PROXY_OPTIONS, resolveProxy } from '../../../proxy/options.ts';
import { type ProxyService, startProxy } from '../../../proxy/service.ts';
import type { Log } from '../../../src/log.ts';
import { until } from '../../support/within.ts';

type Flags = Partial<Record<keyof typeof PROXY_OPTIONS, string>>;

export class WatchedProxy {
  readonly events: DialogueEvent[] = [];
  readonly port: number;
  private readonly service: ProxyService;

  private constructor(service: ProxyService) {
    this.service = service;
    this.port = Number(/\d+$/.exec(service.listen));
  }

  static async start(upstream: number, flags: Flags = {}): Promise<WatchedProxy> {
    const given = { listen: '127.0.0.1:0', upstream: `127.0.0.1:${upstream}`, 'keep-secrets': 'true', ...flags };
    const options = resolveProxy({ flags: new Map(Object.entries(given).map(([name, text]) => [name, [text]])) });
    let watched: WatchedProxy | null = null;
    const scribe = {
      keepSecrets: true,
      event: (event: DialogueEvent) => {
        watched?.events.push(event);
        return '';
      },
      lost: (count: number): string => {
        throw new Error(`${count} events were lost`);
      },
    };
    const stream = new Writable({ write: (_chunk, _encoding, done) => done() });
    watched = new WatchedProxy(await startProxy(options, silent(), { views: [{ scribe, stream }] }));
    return watched;
  }

  /** Waits until so many connections are over, and all that they said is here. */
  async over(connections = 1): Promise<void> {
    const closed = () => this.events.filter(({ type }) => type === 'close').length;
    await until(10_000, () => closed() >= connections, `the end of ${connections} connections`);
    this.isWhole();
  }

  /** What one side said, and what was remarked of it: `command EHLO x`, `note STARTTLS: raw from here on`. */
  lines(from: SideName): string[] {
    return this.events.flatMap((event) => {
      if (event.type === 'frame' && event.from === from) {
        return [`${event.kind} ${event.bytes.toString('latin1').replace(/\r?\n$/, '')}`];
      }
      return event.type === 'note' && event.from === from ? [`note ${event.text}`] : [];
    });
  }

  /** The protocols that were found out. */
  get protocols(): string[] {
    return this.events.flatMap((event) => (event.type === 'protocol' ? [event.protocol] : []));
  }

  stop(): Promise<void> {
    return this.service.stop(0);
  }

  /** Each direction of each connection has all its bytes, once and in order. */
  private isWhole(): void {
    for (const close of this.events) {
      if (close.type !== 'close') continue;
      // Clients that have heard enough under TLS do not wait for the server's last word.
      expect(close.error).to.match(/^$|^the client has reset its connection/);
      for (const [from, bytes] of [
        ['client', close.bytesUp],
        ['server', close.bytesDown],
      ] as const) {
        let at = 0;
        for (const event of this.events) {
          if (event.type !== 'frame' || event.conn !== close.conn || event.from !== from) continue;
          expect(event.offset, `offset of ${event.bytes}`).to.equal(at);
          at += event.bytes.length;
        }
        expect(at, `bytes of the ${from} of connection ${close.conn}`).to.equal(bytes);
      }
    }
  }
}

function silent(): Log {
  const quiet = (): void => {};
  const log: Log = {
    ...{ error: quiet, warn: quiet, info: quiet, debug: quiet },
    child: () => log,
    flush: async () => {},
  };
  return log;
}
