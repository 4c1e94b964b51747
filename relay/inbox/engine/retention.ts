// Keeps the inbox within its limits: so many mails, so many bytes, so old. The oldest go, in steps between which mail is
// taken in.
import type { DatabaseLink } from '../../store/sqlite-link.ts';
import type { InboxSettings } from './inbox-protocol.ts';

/** How long the inbox may hold more than it should. */
const TRIM_AFTER_MS = 200;
/** How often the age of mail is looked at: a twentieth of what is allowed, within these. */
const AGE_LOOK_MS = { least: 250, most: 60_000 };

export class Retention {
  readonly #store: DatabaseLink;
  readonly #limits: () => InboxSettings['limits'];
  readonly #trimmed: () => void;
  readonly #failed: (error: unknown) => void;
  #timer: NodeJS.Timeout | null = null;
  #ageTimer: NodeJS.Timeout | null = null;
  #isStopped = false;
  #underWay: Promise<void> | null = null;

  constructor(
    store: DatabaseLink,
    limits: () => InboxSettings['limits'],
    trimmed: () => void,
    failed: (error: unknown) => void,
  ) {
    this.#store = store;
    this.#limits = limits;
    this.#trimmed = trimmed;
    this.#failed = failed;
  }

  /** Also with new limits. */
  start(): void {
    if (this.#ageTimer) clearInterval(this.#ageTimer);
    this.#ageTimer = null;
    const { ageMs } = this.#limits();
    if (ageMs > 0) {
      const every = Math.min(AGE_LOOK_MS.most, Math.max(AGE_LOOK_MS.least, ageMs / 20));
      this.#ageTimer = setInterval(() => this.added(), every);
      this.#ageTimer.unref();
    }
    this.added();
  }

  /** There is more: what is too much goes a moment later. */
  added(): void {
    const { max, bytes, ageMs } = this.#limits();
    if (this.#timer !== null || this.#isStopped || (max === 0 && bytes === 0 && ageMs === 0)) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#underWay = this.#trim().catch((error) => {
        if (!this.#isStopped) this.#failed(error);
      });
    }, TRIM_AFTER_MS);
    this.#timer.unref();
  }

  /** Removes what is still too much. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    if (this.#ageTimer) clearInterval(this.#ageTimer);
    await this.#underWay;
    if (this.#timer === null) return;
    clearTimeout(this.#timer);
    await this.#trim().catch(() => {});
  }

  async #trim(): Promise<void> {
    const { max, bytes, ageMs } = this.#limits();
    const before = ageMs > 0 ? Date.now() - ageMs : 0;
    let removed = 0;
    for (;;) {
      const step = await this.#store.call('inboxTrim', { max, bytes, before });
      removed += step;
      if (step === 0) break;
    }
    if (removed > 0) this.#trimmed();
  }
}
