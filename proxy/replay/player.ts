// Plays one side of a recorded connection to a live peer. What it says next it says when the peer has said as many
// messages as it had in the recording: so answers may be longer, shorter and later than they were. The live dialogue
// is looked at like a proxied one, which is how messages are told apart.
import type { Clock } from '../../src/clock.ts';
import type { Transport } from '../../src/transport.ts';
import type { DialogueEvent, FrameEvent, SideName } from '../dialogue/event.ts';
import type { Journal } from '../dialogue/journal.ts';
import type { Observer } from '../dialogue/observer.ts';
import type { Kind } from '../profiles/profile.ts';
import type { RecordedConnection } from '../recording/read.ts';

export interface PlayerOptions {
  /** Whose part is played. */
  readonly role: SideName;
  /** How long to wait for the peer, in milliseconds. */
  readonly timeout: number;
  /** Keep the pauses of the recording. */
  readonly timing: boolean;
  readonly clock: Clock;
}

/** How the live dialogue is looked at. */
export interface PlayerStage {
  readonly observer: Observer;
  readonly journal: Journal;
  /** The number of the live connection in the journal. */
  readonly conn: number;
}

/** A message of the peer, whole. */
export interface Message {
  readonly bytes: Buffer;
  /** Which bytes are secret, and may be asterisks. */
  readonly secrets: readonly { readonly from: number; readonly to: number }[];
}

export interface Played {
  /** Why it could not be played to its end; '' when it was. */
  readonly failure: string;
  /** What the peer had said in the recording, and what it said now. */
  readonly recorded: readonly Message[];
  readonly live: readonly Message[];
}

/** Gathers the events of one side into messages. */
class Messages {
  readonly all: Message[] = [];
  /** Bytes of messages, and of what begins the next one. */
  bytes = 0;
  private pieces: FrameEvent[] = [];

  /** Whole frames of the message that is under way: the other side may have to answer in the middle of it. */
  get parts(): number {
    return this.pieces.reduce((count, { more }) => (more ? count : count + 1), 0);
  }

  add(event: DialogueEvent, side: SideName): void {
    if (event.type !== 'frame' || event.from !== side) return;
    this.pieces.push(event);
    this.bytes += event.bytes.length;
    if (!event.more && !event.part) this.flush();
  }

  /** What has no end is a message too. */
  flush(): void {
    if (this.pieces.length === 0) return;
    let offset = 0;
    const secrets: { from: number; to: number }[] = [];
    for (const { bytes, secret } of this.pieces) {
      if (secret) secrets.push({ from: offset + secret.from, to: offset + secret.to });
      offset += bytes.length;
    }
    this.all.push({ bytes: Buffer.concat(this.pieces.map(({ bytes }) => bytes)), secrets });
    this.pieces = [];
  }
}

export class Player {
  private readonly connection: RecordedConnection;
  private readonly transport: Transport;
  private readonly observer: Observer;
  private readonly journal: Journal;
  private readonly options: PlayerOptions;
  private readonly peer: SideName;
  private readonly live = new Messages();
  /** The next event of the journal to look at. */
  private seq: number;
  private readonly connectionNumber: number;
  private readonly recorded = new Messages();
  private received = 0;
  private sent = 0;
  private closed = '';
  private peerEnded = false;
  private wasCut = false;
  private wake = (): void => {};

  constructor(connection: RecordedConnection, transport: Transport, stage: PlayerStage, options: PlayerOptions) {
    const { observer, journal } = stage;
    this.connection = connection;
    this.transport = transport;
    this.observer = observer;
    this.journal = journal;
    this.seq = journal.next;
    this.connectionNumber = stage.conn;
    this.options = options;
    this.peer = options.role === 'client' ? 'server' : 'client';
    transport.on('data', (chunk: Buffer) => {
      this.received += chunk.length;
      observer.feed(this.peer, chunk);
      this.look();
    });
    transport.on('end', () => {
      this.peerEnded = true;
      observer.finish(this.peer);
      this.look();
    });
    transport.on('error', (error: Error) => this.over(error.message));
    transport.on('close', () => this.over('the connection was closed'));
  }

  /** Resolves when the connection is over. */
  async play(): Promise<Played> {
    const failure = await this.run();
    if (failure === '' && !this.wasCut) await this.until(() => this.closed !== '' || this.peerEnded);
    this.transport.destroy();
    const [up, down] = this.options.role === 'client' ? [this.sent, this.received] : [this.received, this.sent];
    this.observer.close({ bytesUp: up, bytesDown: down, error: failure });
    this.look();
    this.recorded.flush();
    this.live.flush();
    return { failure, recorded: this.recorded.all, live: this.live.all };
  }

  private async run(): Promise<string> {
    const { role, timing } = this.options;
    let last: number | undefined;
    for (const event of this.connection.events) {
      const pause = timing && last !== undefined ? event.time - last : 0;
      last = event.time;
      if (event.type === 'frame' && isLost(event.kind) && this.connection.protocol !== 'raw') {
        return this.unplayable(event);
      }
      this.recorded.add(event, this.peer);
      this.wasCut = event.type === 'close' && event.error !== '';
      if ((event.type !== 'frame' && event.type !== 'end') || event.from !== role) continue;
      if (!(await this.until(() => this.hasSaidEnough()))) return this.closed || this.late();
      await this.pause(pause);
      if (this.closed !== '' && event.type === 'frame') return this.closed;
      if (event.type === 'frame') this.send(event.bytes);
      else this.finish();
    }
    return '';
  }

  /** Takes what the observer has written since. */
  private look(): void {
    const { journal } = this;
    for (; this.seq < journal.next; this.seq++) {
      const event = journal.event(this.seq, true);
      if (event?.conn === this.connectionNumber) this.live.add(event, this.peer);
    }
    this.wake();
  }

  /** As much as it had said in the recording when our next words were said. */
  private hasSaidEnough(): boolean {
    const { connection, recorded, live } = this;
    if (connection.protocol === 'raw') return this.received >= recorded.bytes;
    if (live.all.length > recorded.all.length) return true;
    if (live.all.length === recorded.all.length) return live.parts >= recorded.parts;
    // A prompt is known as one only when we answer it.
    return live.all.length + 1 === recorded.all.length && this.observer[this.peer].inLine && this.endsOpen();
  }

  private endsOpen(): boolean {
    return this.recorded.all.at(-1)!.bytes.at(-1) !== 0x0a;
  }

  private send(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.sent += bytes.length;
    this.transport.write(bytes);
    this.observer.feed(this.options.role, bytes);
    this.look();
  }

  private finish(): void {
    this.transport.end();
    this.observer.finish(this.options.role);
  }

  /** False when it took too long, or the connection is gone. */
  private until(holds: () => boolean): Promise<boolean> {
    const { clock, timeout } = this.options;
    return new Promise((resolve) => {
      const settle = (answer: boolean): void => {
        clock.clearTimeout(timer);
        this.wake = () => {};
        resolve(answer);
      };
      const timer = clock.setTimeout(() => settle(false), timeout);
      this.wake = () => {
        if (holds()) settle(true);
        else if (this.closed !== '' || this.peerEnded) settle(false);
      };
      this.wake();
    });
  }

  private pause(ms: number): Promise<void> | undefined {
    if (ms < 1) return undefined;
    return new Promise((resolve) => void this.options.clock.setTimeout(resolve, ms));
  }

  private over(why: string): void {
    this.closed ||= why;
    this.wake();
  }

  private late(): string {
    const [got, wanted] = [this.live.all.length, this.recorded.all.length];
    const what = this.peerEnded ? 'it ended its stream' : `${this.options.timeout / 1000} s have passed`;
    return `the ${this.peer} has said ${got} of ${wanted} messages, and ${what}`;
  }

  private unplayable({ from }: FrameEvent): string {
    return `what the ${from} said next was not understood when it was recorded (TLS?), and cannot be replayed`;
  }
}

/** What was no frame of the protocol. */
function isLost(kind: Kind): boolean {
  return kind === 'raw' || kind === 'tls';
}
