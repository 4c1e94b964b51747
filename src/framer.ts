// Cuts a stream of bytes into frames: asynchat's input loop without a socket. No I/O and no timers here; chat.ts joins
// it to a connection. The state is the bytes not yet delivered and a position in them: whatever a callback does
// (another terminator, a pause), the loop goes on from the position, so every chunking gives the same frames.
// Fields are `private` and not `#`: the loop runs tens of millions of times a second, and `#` costs a tenth of that.
import { type Clock, realClock } from './clock.ts';
import { ChatError } from './errors.ts';
import type { FramerOptions, FramerStats, FrameSink } from './frame.ts';
import {
  askUntil,
  checkLimits,
  compileTerminator,
  type FrameEnd,
  findAny,
  findNeedle,
  findPair,
  heldPrefix,
  type Needle,
  type OverlongPolicy,
  type Rule,
  type Search,
  type Terminator,
  type TerminatorOptions,
  UNDECIDED,
  type UntilRule,
} from './terminator.ts';
import { asBuffer, Unparsed } from './unparsed.ts';

export class Framer {
  private readonly sink: FrameSink;
  private readonly options: FramerOptions;
  private readonly clock: Clock;
  private readonly input = new Unparsed();

  // The terminator in force. `epoch` counts whatever makes the loop look again: a change of it, a pause, a stop.
  private given: Terminator = null;
  private rule: Rule = compileTerminator(null);
  private maxFrame = Number.POSITIVE_INFINITY;
  private overlongPolicy: OverlongPolicy = 'error';
  private keep = false;
  private epoch = 0;

  // The frame under way: where it began in the stream, its bytes so far, and those dropped because it was over-long.
  private start = 0;
  private length = 0;
  private dropped = 0;
  private skipping = false;

  private life: 'open' | 'ending' | 'ended' | 'stopped' = 'open';
  private running = false;
  private userPaused = false;
  private pending: Promise<void> | null = null;
  private readonly framesPerTurn: number;
  private budget = 0;
  private receivedAt = 0;
  private readonly match = { which: UNDECIDED, start: 0 };

  private fed = 0;
  private frameCount = 0;
  private pieces = 0;
  private longest = 0;
  private overlong = 0;
  private turns = 0;
  private yields = 0;

  constructor(sink: FrameSink, options: FramerOptions = {}) {
    this.sink = sink;
    this.options = options;
    this.clock = options.clock ?? realClock;
    // Whole numbers only: a counter that may be Infinity is kept as a float, which the loop would pay for.
    this.framesPerTurn = Math.min(options.framesPerTurn ?? 0x3fffffff, 0x3fffffff);
    this.setLimits({});
  }

  /**
   * Takes the next bytes and delivers what they complete. Returns a promise only while a handler is pending (or
   * `framesPerTurn` made a break): it resolves when these bytes are dealt with. May be called at any time; what comes
   * while a handler is pending waits. Throws, or rejects, with what a callback threw; the frame counts as consumed.
   * Throws ChatError FRAME_TOO_LONG under the policy 'error'.
   */
  feed(chunk: Buffer): void | Promise<void> {
    if (this.life !== 'open') return;
    if (chunk.length > 0) {
      this.fed += chunk.length;
      this.receivedAt = this.clock.now();
      // A transport that is not made of Node's streams may hand over plain arrays: they cannot search for bytes.
      this.input.add(Buffer.isBuffer(chunk) ? chunk : asBuffer(chunk));
      // Fed by a callback: the loop must not go on in the chunk that it has in hand, this one may have replaced it.
      if (this.running) this.epoch++;
    }
    return this.advance();
  }

  /** The stream has ended: a held prefix is data after all. Nothing more can be fed. */
  end(): void | Promise<void> {
    if (this.life !== 'open') return;
    this.life = 'ending';
    return this.advance();
  }

  /** Whether end() was called and everything before it is delivered. */
  get ended(): boolean {
    return this.life === 'ended';
  }

  /**
   * What ends the next frames. Set inside a callback it holds from the next byte; set from outside, from the first
   * byte that is not delivered, a held prefix included. While an over-long frame is dropped, the dropping goes on to
   * the end of the new kind, or ends at once with null. Throws ChatError BAD_TERMINATOR.
   */
  setTerminator(t: Terminator, options: TerminatorOptions = {}): void {
    const rule = compileTerminator(t, options.precededBy);
    this.setLimits(options);
    // Between raw bytes and a frame there is no terminator to mark the start.
    if (this.rule.kind === 'all') this.nextFrame(0);
    if (rule.kind === 'all') this.skipping = false;
    this.given = t;
    this.rule = rule;
    this.epoch++;
    this.input.reconsider();
    const before = options.precededBy;
    if (rule.kind === 'search' && before !== undefined && before.length > 0) this.input.precede(before);
    // Outside of a callback nobody else would look at the bytes that are here already.
    if (!this.running && !this.input.empty) void this.advance();
  }

  /** As it was set; for a count what is left of it, and 0 after it was reached. */
  getTerminator(): Terminator {
    return this.rule.kind === 'count' ? this.rule.left : this.given;
  }

  /** Stops delivery after the callback that runs now. What is fed meanwhile is kept. */
  pause(): void {
    this.userPaused = true;
    this.epoch++;
  }

  resume(): void {
    if (!this.userPaused) return;
    this.userPaused = false;
    void this.advance();
  }

  get paused(): boolean {
    return this.userPaused;
  }

  /** Whether a handler's promise is pending, or a break between turns. */
  get busy(): boolean {
    return this.pending !== null;
  }

  /** Whether a frame has begun and not ended: for a deadline on whole frames. */
  get inFrame(): boolean {
    const { buf, pos, lead } = this.input;
    return this.rule.kind !== 'all' && (this.length > 0 || this.skipping || buf.length - pos > lead);
  }

  /** Ends all delivery for good; no callback runs any more. */
  stop(): void {
    this.life = 'stopped';
    this.epoch++;
    this.input.clear();
  }

  /** Whether delivery ended for good: by stop(), by a frame over its limit under 'error', by a find() that failed. */
  get stopped(): boolean {
    return this.life === 'stopped';
  }

  /** Takes back what was fed and not delivered, for whoever goes on with the stream (TLS, another parser). */
  takeUnparsed(): Buffer {
    this.epoch++;
    const rest = this.input.take();
    // Offsets count what was fed, delivered or not.
    if (this.length > 0 || this.skipping) this.dropped += rest.length;
    else this.start += rest.length;
    return rest;
  }

  /** Frames completed so far. */
  get frames(): number {
    return this.frameCount;
  }

  get stats(): Readonly<FramerStats> {
    const { fed: bytes, frameCount: frames, pieces, longest, overlong, turns, yields } = this;
    return { bytes, frames, pieces, longest, held: this.input.held, overlong, turns, yields };
  }

  private setLimits(o: TerminatorOptions): void {
    const { maxFrame, overlong } = checkLimits(
      o.maxFrame ?? this.options.maxFrame,
      o.overlong ?? this.options.overlong,
    );
    this.maxFrame = maxFrame;
    this.overlongPolicy = overlong;
    this.keep = o.keep ?? false;
  }

  private advance(): void | Promise<void> {
    if (this.running) return;
    if (this.pending !== null) return this.pending;
    if (this.options.turn) this.options.turn(this.oneTurn);
    else this.oneTurn();
    if (this.pending !== null) return this.pending;
    this.options.onIdle?.();
  }

  /** With onError a callback that throws costs its own frame only. */
  private readonly oneTurn = (): void => {
    const { onError } = this.options;
    this.running = true;
    try {
      for (;;) {
        try {
          return this.run();
        } catch (error) {
          // A frame of which the handler missed a piece must not look complete to it.
          if (this.length > 0 && this.rule.kind !== 'all') this.skipping = true;
          if (!onError) throw error;
          onError(error);
        }
      }
    } finally {
      this.running = false;
    }
  };

  private run(): void {
    const { input } = this;
    this.turns++;
    this.budget = this.framesPerTurn;
    while (this.life !== 'stopped' && !this.userPaused && this.pending === null) {
      const { rule } = this;
      if (rule.kind !== 'search' && this.complete(rule)) continue;
      if (input.stalled || input.pos === input.buf.length) {
        if (input.waiting) {
          if (rule.kind === 'search' && input.lead > 0) input.shed(rule.needles);
          input.next(rule.kind === 'until', rule.kind === 'search' ? rule.longest : 0);
        } else if (this.life === 'ending' && input.pos < input.buf.length) this.lastBytes();
        else {
          if (input.pos === input.buf.length) input.release();
          if (rule.kind === 'search') rule.seen = null;
          if (this.life === 'ending') this.life = 'ended';
          return;
        }
      } else if (rule.kind === 'search') this.search(rule);
      else if (rule.kind === 'count') this.deliver(Math.min(input.buf.length, input.pos + rule.left));
      else if (rule.kind === 'until') this.until(rule);
      else this.deliver(input.buf.length);
    }
  }

  private search(rule: Search): void {
    const { input } = this;
    const { needles } = rule;
    if (needles.length > 1) {
      findAny(rule, input.buf, input.pos, false, this.match);
      const { which, start } = this.match;
      if (which !== UNDECIDED) return this.found(needles[which]!, start);
    } else if (!this.keep && !this.skipping && this.dropped === 0 && input.lead === 0) {
      if (!this.framesOf(needles[0]!)) return;
    } else {
      const start = findNeedle(needles[0]!, input.buf, input.pos);
      if (start !== -1) return this.found(needles[0]!, start);
    }
    let hold = 0;
    for (const needle of needles) hold = Math.max(hold, heldPrefix(needle, input.buf, input.pos, input.buf.length));
    if (this.deliver(input.buf.length - hold) && hold > 0) input.stall();
  }

  /**
   * The hot loop: one byte string, frame after frame out of one chunk. It says again what deliver() and frame() say,
   * without their detours, and leaves whatever is special to them. True when the chunk holds no further match.
   */
  private framesOf(needle: Needle): boolean {
    const { input, sink, epoch } = this;
    const { buf } = input;
    const { length, first, last, given } = needle;
    for (let from = input.pos; ; ) {
      const start = length === 2 ? findPair(buf, first, last, from) : findNeedle(needle, buf, from);
      if (start === -1) return true;
      const total = this.length + start - from;
      if (total > this.maxFrame) {
        this.found(needle, start);
        return false;
      }
      if (start > from) {
        input.pos = start;
        this.length = total;
        this.pieces++;
        sink.slice(buf, from, start);
        if (epoch !== this.epoch) return false;
      }
      input.pos = from = start + length;
      const info = {
        length: total,
        offset: this.start,
        terminator: given,
        truncated: false,
        receivedAt: this.receivedAt,
      };
      this.start += total + length;
      this.length = 0;
      this.frameCount++;
      if (total > this.longest) this.longest = total;
      const result = sink.terminator(info);
      if (--this.budget > 0 && result === undefined && epoch === this.epoch) continue;
      this.after(result);
      return false;
    }
  }

  /** One frame of the search that is not the common case. */
  private found(needle: Needle, start: number): void {
    const { input } = this;
    const end = start + needle.length;
    const size = Math.max(0, start - input.pos - input.lead);
    if (this.keep && !this.skipping && this.length + size <= this.maxFrame) {
      const from = input.pos + input.lead;
      this.length += size;
      input.pos = end;
      input.lead = 0;
      this.pieces++;
      try {
        this.sink.slice(input.buf, from, end);
      } catch (error) {
        this.nextFrame(end - from - size);
        throw error;
      }
      if (this.stopped) return;
      return this.frame(needle.given, end - from - size);
    }
    if (start > input.pos && !this.deliver(start)) return;
    const virtual = input.lead;
    input.lead = 0;
    input.pos = end;
    this.frame(needle.given, needle.length - virtual);
  }

  private until(rule: UntilRule): void {
    const { input } = this;
    const from = input.pos;
    if (rule.left === -1) {
      const found = this.ask(rule);
      if (found !== 'more') {
        rule.left = found.end - from;
        rule.skip = rule.skipLeft = found.skip;
      } else {
        const { maxHold } = rule.until;
        if (input.buf.length - from < maxHold) input.stall();
        // What is dropped goes by halves: a terminator across the border would be missed otherwise.
        else if (this.skipping || this.overlongPolicy === 'discard') this.tooLong(from + ((maxHold + 1) >> 1));
        else this.tooLong(from + maxHold);
      }
    } else if (rule.left > 0) {
      this.deliver(Math.min(input.buf.length, from + rule.left));
    } else {
      const skipped = Math.min(rule.skipLeft, input.buf.length - from);
      rule.skipLeft -= skipped;
      input.pos += skipped;
      if (!this.keep || this.skipping) return;
      this.pieces++;
      this.sink.slice(input.buf, from, from + skipped);
    }
  }

  /** Stops for good when find() answers nonsense: nothing was consumed, so asking again would not end. */
  private ask(rule: UntilRule): FrameEnd | 'more' {
    try {
      return askUntil(rule.until, this.input.buf, this.input.pos);
    } catch (error) {
      this.stop();
      throw error;
    }
  }

  /** Ends a frame whose last byte is consumed. It needs no further byte, so it must not wait for one. */
  private complete(rule: Rule): boolean {
    let skipped = 0;
    if (rule.kind === 'count' && rule.left === 0) {
      // One-shot, as in asynchat: what follows comes raw unless the callback arms something else.
      this.given = 0;
      this.rule = { kind: 'all' };
    } else if (rule.kind === 'until' && rule.left === 0 && rule.skipLeft === 0) {
      skipped = rule.skip;
      rule.left = -1;
    } else return false;
    this.frame(null, skipped);
    return true;
  }

  /** At the end of the stream what is held can become nothing else any more. */
  private lastBytes(): void {
    const { input, rule } = this;
    input.stalled = false;
    if (rule.kind === 'search' && rule.needles.length > 1) {
      findAny(rule, input.buf, input.pos, true, this.match);
      const { which, start } = this.match;
      if (which !== UNDECIDED) return this.found(rule.needles[which]!, start);
    }
    this.deliver(input.buf.length);
  }

  /**
   * Hands out the frame's bytes up to `to`. False when the loop has to look again: the callback changed the
   * terminator, paused or stopped, or the frame reached its limit.
   */
  private deliver(to: number): boolean {
    const { input, epoch } = this;
    if (input.lead > 0) {
      const virtual = Math.min(input.lead, to - input.pos);
      input.lead -= virtual;
      input.pos += virtual;
    }
    const from = input.pos;
    if (to <= from) return true;
    const { rule } = this;
    if (!this.skipping && this.length + (to - from) > this.maxFrame && rule.kind !== 'all') return this.tooLong(to);
    // All is consumed before the callback runs: it may throw, feed, or take back what is left.
    input.pos = to;
    if ((rule.kind === 'count' || rule.kind === 'until') && rule.left > 0) rule.left -= to - from;
    if (this.skipping) {
      this.dropped += to - from;
      return true;
    }
    this.length += to - from;
    this.pieces++;
    this.sink.slice(input.buf, from, to);
    return epoch === this.epoch;
  }

  /** The frame has more bytes than it may. Exactly `maxFrame` of them are delivered, in any chunking. */
  private tooLong(to: number): false {
    const { input } = this;
    const room = Math.min(this.maxFrame - this.length, to - input.pos);
    if ((this.skipping || room > 0) && !this.deliver(this.skipping ? to : input.pos + room)) return false;
    if (this.skipping) return false;
    this.overlong++;
    if (this.overlongPolicy === 'deliver') {
      this.frame(null, 0, true);
      return false;
    }
    // Read before the callback, which may set another terminator with another policy.
    const { length, start: offset, receivedAt, overlongPolicy } = this;
    this.skipping = true;
    if (overlongPolicy === 'error') this.stop();
    this.sink.overlong?.({ length, offset, terminator: null, truncated: true, receivedAt });
    if (overlongPolicy === 'error') {
      throw new ChatError('FRAME_TOO_LONG', `a frame passed its limit of ${length} bytes`, { limit: length, offset });
    }
    return false;
  }

  /** The next frame begins behind `skipped` bytes of terminator. */
  private nextFrame(skipped: number): void {
    this.start += this.length + this.dropped + skipped;
    this.length = this.dropped = 0;
  }

  /** A frame ends: its bytes are consumed before the callback runs, so that an exception leaves the rest intact. */
  private frame(terminator: Uint8Array | null, skipped: number, truncated = false): void {
    if (this.skipping) {
      this.skipping = false;
      return this.nextFrame(skipped);
    }
    const { length, start: offset, receivedAt } = this;
    this.frameCount++;
    if (length > this.longest) this.longest = length;
    this.nextFrame(skipped);
    this.budget--;
    this.after(this.sink.terminator({ length, offset, terminator, truncated, receivedAt }));
  }

  /** Delivery waits for the handler's promise; and now and then it makes a break, so that other work gets a turn. */
  private after(result: void | PromiseLike<void>): void {
    if (typeof (result as PromiseLike<void> | undefined)?.then === 'function') this.wait(result as PromiseLike<void>);
    else if (this.budget <= 0 && !this.input.empty && this.life !== 'stopped') {
      this.yields++;
      this.wait(new Promise<void>((resume) => setImmediate(resume)));
    }
  }

  private wait(until: PromiseLike<void>): void {
    this.epoch++;
    this.pending = Promise.resolve(until).then(
      () => {
        this.pending = null;
        return this.advance();
      },
      (error) => {
        this.pending = null;
        if (!this.options.onError) throw error;
        this.options.onError(error);
        return this.advance();
      },
    );
  }
}
