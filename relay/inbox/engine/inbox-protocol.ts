// What the main thread says to the inbox's thread. Types only.

import type { MessagePort } from 'node:worker_threads';
import type { InboxLimits, ServeOptions } from '../../store/sqlite-protocol.ts';
import type { Inbox } from '../inbox.ts';
import type { SearchQuery } from '../search-query.ts';

/** The methods of Inbox that the thread answers as they are called. */
export type AskName = Exclude<keyof Inbox, 'content' | 'transcript' | 'subscribe' | 'close'>;

export type Asks = {
  [Name in AskName]: { takes: Parameters<Inbox[Name]>; gives: Awaited<ReturnType<Inbox[Name]>> };
};

/** What may be changed while it runs. */
export interface InboxSettings {
  /** `ageMs`, 0 for any, instead of a time. */
  readonly limits: Omit<InboxLimits, 'before'> & { readonly ageMs: number };
  /** A mail that the query finds gets the tag. */
  readonly tagRules: readonly { readonly tag: string; readonly query: SearchQuery }[];
  /** `user+tag@` in a recipient gives the mail a tag; X-Tags in its header gives it several. */
  readonly plusTags: boolean;
  readonly headerTags: boolean;
}

export interface InboxThreadCalls extends Asks {
  /** There is new mail. */
  ring: { takes: null; gives: null };
  /** Whether events are told. */
  heed: { takes: boolean; gives: null };
  settings: { takes: InboxSettings; gives: null };
  close: { takes: null; gives: null };
}

export type InboxCall = {
  [Name in keyof InboxThreadCalls]: [number, Name, InboxThreadCalls[Name]['takes']];
}[keyof InboxThreadCalls];

export interface InboxStart {
  readonly place: ServeOptions;
  readonly settings: InboxSettings;
  /** To the database thread. */
  readonly store: MessagePort;
  /** One number: the seq of the mail that is read at this moment, 0 for none. Outlives a thread that dies of it. */
  readonly reading: SharedArrayBuffer;
  /** The mail of which the thread before this one died: it is not read again; 0 for none. */
  readonly spared: number;
}

export function readingNote(memory: SharedArrayBuffer): Float64Array {
  return new Float64Array(memory);
}
