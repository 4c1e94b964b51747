// What all sessions of a server share, and what one listener's sessions have in common.
import type { PeerList } from '../../src/cidr.ts';
import type { LinePolicy } from '../../src/lines.ts';
import type { Log } from '../../src/log.ts';
import type { TlsOptions } from '../../src/tls-upgrade.ts';
import type { Authenticator } from '../auth/sasl.ts';
import type { DiskSpace } from '../disk-space.ts';
import type { FaultySession } from '../faults/session-faults.ts';
import type { TranscriptLine } from '../inbox/transcript.ts';
import type { MailStats } from '../mail-stats.ts';
import type { Claim, Lease, RouteKind, Store } from '../store/store.ts';
import type { Reply } from './replies.ts';
import type { SmtpLimits, Step } from './session-view.ts';
import type { SessionTranscript } from './transcript.ts';

export interface SmtpContext {
  /** Null until it is open: commands that come earlier wait for `opening`. */
  store: Store | null;
  readonly opening: Promise<unknown>;
  readonly log: Log;
  readonly stats: MailStats;
  /** Whether the disk has room for more mail; null where that is nobody's concern. */
  readonly space: DiskSpace | null;
  readonly hostname: string;
  readonly limits: SmtpLimits;
  readonly lineEndings: LinePolicy;
  readonly timeouts: SmtpTimeouts;
  readonly policy: SmtpPolicy;
  /** Those that are open: each puts itself in and out. */
  readonly sessions: Set<ServedSession>;
  /** Who may log in, and how; null when nobody can. */
  readonly auth: Authenticator | null;
  /** The certificate; null when there is none, and TLS is not offered. */
  readonly tls: TlsSource | null;
  /** Peers that may speak for another client, and peers that may only tell whom they speak for. */
  readonly xclientFrom: PeerList;
  readonly xforwardFrom: PeerList;
  /** Where a recipient's mail goes; a reply refuses it. */
  route(sender: string, recipient: string, client: RoutedClient): SessionRoute | Reply;
  accepted: (mail: AcceptedMail) => void;
  /** Takes mail for delivery in the commit that accepts it; null when nothing is delivered here. */
  delivery: DeliveryDesk | null;
  /** People and tests look at the mail here: how it came is kept with it. */
  readonly keepsTranscripts: boolean;
  /** Somebody looks at the dialogues of all sessions, also of those that bring no mail. */
  readonly sessionOpened?: ((transcript: SessionTranscript) => void) | undefined;
  /** What goes wrong on purpose; null while nothing does. */
  faults: FaultDesk | null;
}

/** What a session knows of a recipient's way. `copy`: captured, and a copy relayed; to the store that is two recipients. */
export type SessionRoute = RouteKind | 'copy';

/** A message that was committed. */
export interface AcceptedMail {
  readonly id: string;
  /** It has to be delivered, and nobody has it yet. */
  readonly isWaiting: boolean;
  /** How its session began, its transaction, the answer to it. Empty where none is kept. */
  readonly transcript: readonly TranscriptLine[];
}

/** Milliseconds; Infinity for none. None runs while the client waits for us. */
export interface SmtpTimeouts {
  /** Silence between commands; also how long one command line may take. */
  readonly idle: number;
  /** Silence inside a message. */
  readonly dataIdle: number;
  /** A message, or a chunk, from its first byte to its last. */
  readonly message: number;
  /** A connection: no command is taken after it. */
  readonly session: number;
}

/** What a client may do that not every one should. */
export interface SmtpPolicy {
  /** `MAIL FROM: <a@b>` and `MAIL FROM:a@b` are refused. */
  readonly strictPaths: boolean;
  /** What is sent behind a command that must be the last of a group ends the session (RFC 2920 3.1). */
  readonly strictPipelining: boolean;
  /** Milliseconds before the 220, in which nothing may be sent; 0 greets at once. */
  readonly greetDelay: number;
  /** Bytes a second of a message, over `dataIdle`; 0 for any. */
  readonly minDataRate: number;
  /** No mail without TLS, or without a login. */
  readonly requireTls: boolean;
  readonly requireAuth: boolean;
  /** BINARYMIME is offered: only where nothing on the way changes a byte. */
  readonly offersBinary: boolean;
}

/** What routes may depend on, besides the addresses. */
export interface RoutedClient {
  readonly address: string;
  readonly user: string;
  readonly isTls: boolean;
}

/** Asked at each handshake, so that a renewed certificate holds from the next one on. */
export interface TlsSource {
  secureContextOptions(): Omit<Extract<TlsOptions, { role: 'server' }>, 'role'>;
}

/** What a listener promises its clients. */
export interface Door {
  /** LMTP (RFC 2033) instead of SMTP. */
  readonly lmtp?: boolean;
  /** TLS from the first byte (RFC 8314); the context must have a certificate. */
  readonly implicitTls?: boolean;
  /** Instead of the context's, where this listener wants TLS of its own kind. */
  readonly tls?: TlsSource;
}

/** What the server does with its sessions when it stops. */
export interface ServedSession {
  drain(): void;
  cut(): void;
}

/** Where a session hands in what it is about to commit, so that its delivery needs no further look into the store. */
export interface DeliveryDesk {
  /** A lease for one mail, or null when enough is under way: then it stays in the store until it is its turn. */
  reserve(): Lease | null;
  /** Follows each lease: the mail that was committed under it, or null when there is none. */
  use(lease: Lease, claim: Claim | null): void;
}

/** Where a session asks, when there are faults to be injected, what happens to it. */
export interface FaultDesk {
  join(session: FaultySession): FaultingSession;
}

/** One session's part of that. What it is given takes effect, or something else does. */
export interface FaultingSession {
  /** A step, and the line that it answers to: '' for the greeting and what no line asked for. */
  answer(step: Step, line: string): void | Promise<void>;
  content(piece: Buffer): Reply | undefined | Promise<void>;
  /** `finish` stores the message. Null: the client was answered, or is gone. */
  endOfMessage(finish: () => Promise<Reply>): Promise<Reply | null>;
  /** Whether a TLS handshake is to fail. */
  failsHandshake(): boolean;
  /** The server wants to stop: what waits goes on at once. */
  hurry(): void;
  /** The session is over. */
  closed(): void;
}
