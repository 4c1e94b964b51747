// A framer and a chat that write down what they are called with, in the notation of the tables: a piece is its text,
// `T` is the end of a frame.
import { AsyncChat, type ChatOptions } from '../../src/chat.ts';
import type { ChatError } from '../../src/errors.ts';
import type { FrameInfo, FramerOptions } from '../../src/frame.ts';
import { Framer } from '../../src/framer.ts';
import type { Transport } from '../../src/transport.ts';
import { deferred } from './within.ts';

export const CRLF = Buffer.from('\r\n');
export const LF = Buffer.from('\n');
export const DOT = Buffer.from('\r\n.\r\n');

export function bytes(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

export interface FramerHooks {
  slice?(framer: Framer, piece: string): unknown;
  /** A promise that it returns is waited for. */
  terminator?(framer: Framer, info: FrameInfo, frame: string): unknown;
  overlong?(framer: Framer, info: FrameInfo): unknown;
}

export interface Recording {
  readonly framer: Framer;
  /** Pieces, `T` for each end of a frame, `O` for each over-long one. */
  readonly events: string[];
  /** Whole frames, and what was delivered behind the last of them. */
  readonly frames: string[];
  readonly infos: FrameInfo[];
  readonly overlong: FrameInfo[];
  /** What was delivered of each of those. */
  readonly cutOff: string[];
  tail(): string;
  feed(...chunks: string[]): Recording;
}

export function record(options: FramerOptions = {}, hooks: FramerHooks = {}): Recording {
  const events: string[] = [];
  const frames: string[] = [];
  const infos: FrameInfo[] = [];
  const overlong: FrameInfo[] = [];
  const cutOff: string[] = [];
  let frame = '';
  const framer: Framer = new Framer(
    {
      slice(chunk, start, end) {
        const piece = chunk.toString('latin1', start, end);
        events.push(piece);
        frame += piece;
        hooks.slice?.(framer, piece);
      },
      terminator(info) {
        events.push('T');
        infos.push(info);
        frames.push(frame);
        const whole = frame;
        frame = '';
        return hooks.terminator?.(framer, info, whole) as void | PromiseLike<void>;
      },
      overlong(info) {
        events.push('O');
        overlong.push(info);
        cutOff.push(frame);
        frame = '';
        hooks.overlong?.(framer, info);
      },
    },
    options,
  );
  const recording: Recording = {
    framer,
    events,
    frames,
    infos,
    overlong,
    cutOff,
    tail: () => frame,
    feed(...chunks) {
      for (const chunk of chunks) void framer.feed(bytes(chunk));
      return recording;
    },
  };
  return recording;
}

export interface ChatHooks {
  piece?(chat: RecordingChat, piece: string): unknown;
  /** A promise that it returns is waited for. */
  frame?(chat: RecordingChat, frame: string, info: FrameInfo): unknown;
  overlong?(chat: RecordingChat, info: FrameInfo): unknown;
  eof?(chat: RecordingChat): unknown;
  error?(chat: RecordingChat, error: ChatError): unknown;
  timeout?(chat: RecordingChat, kind: string): unknown;
  close?(chat: RecordingChat): unknown;
}

/** Lines end with CRLF unless told otherwise. A hook replaces the default of its callback. */
export class RecordingChat extends AsyncChat {
  readonly events: string[] = [];
  readonly frames: string[] = [];
  readonly errors: ChatError[] = [];
  readonly gone: Promise<void>;
  private readonly hooks: ChatHooks;
  private readonly whenGone = deferred();
  private frame = '';

  constructor(transport: Transport, hooks: ChatHooks = {}, options: ChatOptions = {}) {
    super(transport, options);
    this.hooks = hooks;
    this.gone = this.whenGone.promise;
    this.setTerminator(CRLF);
  }

  protected override collectIncomingData(data: Buffer): void {
    const piece = data.toString('latin1');
    this.events.push(piece);
    this.frame += piece;
    this.hooks.piece?.(this, piece);
  }

  protected override foundTerminator(info: FrameInfo): void | PromiseLike<void> {
    const { frame } = this;
    this.frame = '';
    this.events.push('T');
    this.frames.push(frame);
    return this.hooks.frame?.(this, frame, info) as void | PromiseLike<void>;
  }

  protected override handleOverlong(info: FrameInfo): void {
    this.frame = '';
    this.events.push('overlong');
    this.hooks.overlong?.(this, info);
  }

  protected override handleEof(): void {
    this.events.push('eof');
    if (this.hooks.eof) this.hooks.eof(this);
    else super.handleEof();
  }

  protected override handleError(error: ChatError): void {
    this.events.push(`error ${error.code}`);
    this.errors.push(error);
    if (this.hooks.error) this.hooks.error(this, error);
    else this.abort(error);
  }

  protected override handleTimeout(kind: 'idle' | 'frame' | 'write' | 'close'): void {
    this.events.push(`timeout ${kind}`);
    if (this.hooks.timeout) this.hooks.timeout(this, kind);
    else super.handleTimeout(kind);
  }

  protected override handleClose(): void {
    this.events.push('close');
    this.hooks.close?.(this);
    this.whenGone.resolve();
  }

  say(text: string): boolean {
    return this.push(bytes(text));
  }
}
