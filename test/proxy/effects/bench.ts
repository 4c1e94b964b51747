// One connection with effects, without sockets: what each side says is fed by hand, on a clock that stands still.
import type { DialogueEvent, FrameEvent, SideName } from '../../../proxy/dialogue/event.ts';
import { Journal } from '../../../proxy/dialogue/journal.ts';
import { Observer } from '../../../proxy/dialogue/observer.ts';
import { EffectGate } from '../../../proxy/effects/effect-gate.ts';
import { Effects } from '../../../proxy/effects/effects.ts';
import type { ProfileName } from '../../../proxy/profiles/names.ts';
import { PROFILES } from '../../../proxy/profiles/table.ts';
import { FakeClock } from '../../../src/clock.ts';

export class Bench {
  readonly clock = new FakeClock();
  readonly effects: Effects;
  readonly journal = new Journal({ records: 4096, bytes: 1e9 });
  /** What has reached the other side of each, in the chunks in which it came. */
  readonly passed: Record<SideName, Buffer[]> = { client: [], server: [] };
  readonly ended: SideName[] = [];
  closed: 'close' | 'reset' | '' = '';
  /** Whether its side is kept from saying more. */
  readonly paused: Record<SideName, boolean> = { client: false, server: false };
  private readonly gate: EffectGate;

  constructor(protocol: ProfileName | 'auto', rules: readonly string[], conn = 1, effects = new Effects(rules)) {
    this.effects = effects;
    const { clock, journal } = this;
    const ends = { client: '127.0.0.1:1', upstream: '127.0.0.1:2', now: () => clock.now() };
    const profile = protocol === 'auto' ? null : PROFILES[protocol];
    this.gate = new EffectGate(
      { effects, conn, clock },
      (tap) => new Observer({ journal, conn, profile, ...ends, tap }),
    );
    this.gate.attach({
      pass: (from, bytes) => void this.passed[from].push(Buffer.from(bytes)),
      end: (from) => void this.ended.push(from),
      pause: (from, isWanted) => {
        this.paused[from] = isWanted;
      },
      close: (how) => {
        this.closed = how;
      },
    });
  }

  /** The client says something; with CRLF for `|`. */
  c(text: string): this {
    return this.feed('client', bytes(text));
  }

  s(text: string): this {
    return this.feed('server', bytes(text));
  }

  feed(from: SideName, chunk: Buffer): this {
    this.gate.feed(from, chunk);
    return this;
  }

  finish(from: SideName): this {
    this.gate.finish(from);
    return this;
  }

  close(): this {
    this.gate.close({ bytesUp: 0, bytesDown: 0, error: '' });
    return this;
  }

  wait(ms: number): this {
    this.clock.advance(ms);
    return this;
  }

  /** Everything that reached the server, or the client; with `|` for CRLF. */
  get atServer(): string {
    return text(Buffer.concat(this.passed.client));
  }

  get atClient(): string {
    return text(Buffer.concat(this.passed.server));
  }

  get events(): DialogueEvent[] {
    const events: DialogueEvent[] = [];
    for (let seq = this.journal.oldest; seq < this.journal.next; seq++) events.push(this.journal.event(seq)!);
    return events;
  }

  /** The frames that effects have touched. */
  get touched(): FrameEvent[] {
    return this.events.filter((event): event is FrameEvent => event.type === 'frame' && event.effects !== undefined);
  }

  get notes(): string[] {
    return this.events.flatMap((event) => (event.type === 'note' ? [event.text] : []));
  }

  get hits(): number[] {
    return this.effects.all.map(({ hits }) => hits);
  }
}

export const bytes = (line: string): Buffer => Buffer.from(line.replaceAll('|', '\r\n'), 'latin1');
export const text = (all: Buffer): string => all.toString('latin1').replaceAll('\r\n', '|');
