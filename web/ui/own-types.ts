// The shapes of lonedot's own API, as far as the inbox's own shapes do not say them already.
import type { FaultRule } from '../../relay/faults/fault-rule.ts';
import type { Namespace } from '../../relay/inbox/inbox.ts';
import type { HeaderField } from '../../relay/inbox/parsed-mail.ts';
import type { TranscriptLine } from '../../relay/inbox/transcript.ts';

export type Field = HeaderField;
export type Dialogue = readonly TranscriptLine[];

export interface Server {
  readonly version: string;
  /** Where mail can be sent to: `127.0.0.1:1025`, `unix:/path`. */
  readonly smtp: readonly string[];
}

export interface Envelope {
  readonly id: string;
  readonly receivedAt: string;
  readonly size: number;
  /** '' is the null sender. */
  readonly sender: string;
  readonly helo: string;
  readonly clientAddress: string;
  readonly protocol: string;
  readonly tls: string | null;
  readonly authUser: string | null;
  readonly recipients: readonly { readonly address: string; readonly route: string; readonly state: string }[];
}

export interface Finding {
  readonly level: 'error' | 'warning' | 'info';
  readonly rule: string;
  readonly message: string;
  /** `header`, `line 12`, a part; may be ''. */
  readonly where?: string;
  /** The paragraph that it rests on. */
  readonly reference?: string;
}

export type NamespaceView = Omit<Namespace, 'createdAt' | 'expiresAt'> & {
  /** ISO 8601. */
  readonly createdAt: string;
  readonly expiresAt: string | null;
  readonly messages: number;
  readonly unread: number;
};

/** What is left out is made up by the server. */
export interface NewNamespace {
  readonly name?: string;
  /** `30m`, `7d`, `never`; a day when it is left out. */
  readonly ttl?: string;
  readonly recipients?: readonly string[];
  readonly users?: readonly string[];
  readonly ports?: readonly number[];
  readonly headers?: readonly string[];
}

/** A new namespace, with what is told once. */
export interface CreatedNamespace extends Omit<NamespaceView, 'messages' | 'unread'> {
  /** Without host and port when SMTP listens on no port. */
  readonly smtp: {
    readonly host?: string;
    readonly port?: number;
    readonly username: string;
    readonly password: string;
  };
  readonly apiBase: string;
}

/** A rule with what it has done so far: how often its conditions held, and how often it struck. */
export type FaultView = FaultRule & { readonly hits: number; readonly matches: number };

/** Without an id one is given. */
export type NewFault = Omit<FaultRule, 'id'> & { readonly id?: string };

export interface Hunk {
  readonly kind: 'same' | 'added' | 'removed';
  readonly lines: readonly string[];
}

export interface Comparison {
  readonly same: boolean;
  readonly headers: readonly Hunk[];
  readonly text: readonly Hunk[];
  readonly html: readonly Hunk[];
  readonly tree: readonly Hunk[];
}
