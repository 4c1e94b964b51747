// A proxy inside of a test: between the program under test and its server, on a port of its own, ready at once. The test
// waits for what is said, reads it, and breaks it. All options of `lonedot proxy` hold, by the keys of a config file.
import type { DialogueEvent } from '../proxy/dialogue/event.ts';
import { Journal } from '../proxy/dialogue/journal.ts';
import { type Effect, Effects } from '../proxy/effects/effects.ts';
import { type ProxyOptions, resolveProxy } from '../proxy/options.ts';
import { startProxy as start } from '../proxy/service.ts';
import { parseAddress } from '../src/address.ts';
import { silentLog } from '../src/log.ts';
import { Dialogue, type ExpectOptions, type Said } from './dialogue.ts';

type Value = string | number | boolean | readonly (string | number)[];

/** As in a config file: `protocol: 'smtp'`, `starttls: 'strip'`, `lint: true`, `idleTimeout: '5s'`. */
export type StartProxyOptions = { readonly [Key in Exclude<keyof ProxyOptions, 'upstream' | 'effects'>]?: Value } & {
  /** Where connections go: `host:port`, a port of this machine, `unix:/path`. */
  readonly upstream: string | number;
  /** As with --effect. */
  readonly effects?: readonly string[];
};

export interface ProxyEffect {
  /** As it was written. */
  readonly rule: string;
  /** How often it did something. */
  readonly hits: number;
  remove(): void;
}

export interface ProxyEffects {
  readonly all: readonly ProxyEffect[];
  /** Hits by rule. */
  readonly hits: Readonly<Record<string, number>>;
  /** Holds from the next line on, also on open connections. Throws ChatError BAD_OPTION. */
  add(rule: string): ProxyEffect;
  /** One, or all that are written so. */
  remove(effect: ProxyEffect | string): void;
  clear(): void;
}

export interface TestProxy {
  /** `127.0.0.1:40123`, for the client under test. */
  readonly address: string;
  readonly host: string;
  readonly port: number;
  readonly effects: ProxyEffects;
  /** Everything that has happened. */
  readonly events: readonly DialogueEvent[];
  /** What `lint: true` has found so far, by check. */
  readonly findings: Readonly<Record<string, number>>;
  /**
   * Resolves with the first line that matches, behind the one that the expectation before has found; it may have been
   * said already. Contents are looked at line by line, secrets are asterisks. Rejects with NotSaidError.
   */
  expect(pattern: RegExp | string, options?: ExpectOptions): Promise<Said>;
  /** What was said, as lines of `C: ` and `S: `. Of all connections, or of one. */
  transcript(connection?: number): string;
  /** Forgets what was said, and lets effects count anew. */
  clear(): void;
  /** Ends all connections. */
  stop(): Promise<void>;
}

/** Rejects with ChatError LISTEN_FAILED or BAD_OPTION. Listens on a free port of 127.0.0.1 unless `listen` says otherwise. */
export async function startProxy(options: StartProxyOptions): Promise<TestProxy> {
  const values = { listen: '127.0.0.1:0', ...options, upstream: String(options.upstream) };
  const resolved = resolveProxy({ file: { path: 'startProxy', values } });
  const effects = new Effects(resolved.effects);
  const journal = new Journal();
  const dialogue = new Dialogue(journal, resolved.keepSecrets);
  const service = await start(resolved, silentLog, { effects, journal });
  const address = parseAddress(service.listen);
  return {
    address: service.listen,
    host: address.kind === 'tcp' ? address.host : '',
    port: address.kind === 'tcp' ? address.port : 0,
    effects: effectsOf(effects),
    get events() {
      return dialogue.events;
    },
    get findings() {
      return service.lint?.findings ?? {};
    },
    expect: (pattern, how) => dialogue.expect(pattern, how),
    transcript: (connection) => dialogue.transcript(connection),
    clear: () => {
      dialogue.clear();
      for (const effect of effects.all) effect.forget();
    },
    stop: async () => {
      dialogue.close();
      await service.stop(0);
    },
  };
}

function effectsOf(effects: Effects): ProxyEffects {
  const known = new WeakMap<Effect, ProxyEffect>();
  const shown = (effect: Effect): ProxyEffect => {
    const one = known.get(effect) ?? {
      rule: effect.rule.text,
      get hits() {
        return effect.hits;
      },
      remove: () => effects.remove(effect),
    };
    known.set(effect, one);
    return one;
  };
  return {
    get all() {
      return effects.all.map(shown);
    },
    get hits() {
      return Object.fromEntries(effects.all.map(({ rule, hits }) => [rule.text, hits]));
    },
    add: (rule) => shown(effects.add(rule)),
    remove: (which) => {
      for (const effect of effects.all) {
        if (which === effect.rule.text || which === known.get(effect)) effects.remove(effect);
      }
    },
    clear: () => effects.clear(),
  };
}
