// An inbox on a store of its own, without threads, and short ways to put mail in.
import { MessageChannel } from 'node:worker_threads';
import type { InboxSettings, InboxStart } from '../../../../relay/inbox/engine/inbox-protocol.ts';
import { serveInbox } from '../../../../relay/inbox/engine/inbox-server.ts';
import { openSqliteInbox, type SqliteInbox } from '../../../../relay/inbox/engine/sqlite-inbox.ts';
import type { InboxEvent } from '../../../../relay/inbox/inbox.ts';
import type { TranscriptLine } from '../../../../relay/inbox/transcript.ts';
import { DatabaseLink, type Line } from '../../../../relay/store/sqlite-link.ts';
import { serve } from '../../../../relay/store/sqlite-serve.ts';
import { SqliteStore } from '../../../../relay/store/sqlite-store.ts';
import type { NewMessage } from '../../../../relay/store/store.ts';
import { realClock } from '../../../../src/clock.ts';
import { Directory } from '../../store/sqlite-place.ts';
import { put } from '../../store/support.ts';
import { RecordingLog } from '../../support/recording-log.ts';

export const SETTINGS: InboxSettings = {
  limits: { max: 0, bytes: 0, ageMs: 0 },
  tagRules: [],
  plusTags: true,
  headerTags: true,
};

export interface Scene {
  readonly inbox: SqliteInbox;
  readonly store: SqliteStore;
  readonly directory: Directory;
  readonly log: RecordingLog;
  readonly events: InboxEvent[];
  /** Stores a mail and tells the inbox, as a session does; returns its id. */
  take(
    content: string | Buffer,
    envelope?: Partial<NewMessage>,
    transcript?: readonly TranscriptLine[],
  ): Promise<string>;
  /** Closes both and opens them again on the same file. */
  reopen(settings?: InboxSettings): Promise<Scene>;
  close(): Promise<void>;
}

export interface SceneOptions {
  readonly directory?: Directory;
  readonly settings?: InboxSettings;
  readonly startThread?: (start: InboxStart) => Line;
}

export function inThisThread(start: InboxStart): Line {
  const { port1, port2 } = new MessageChannel();
  serveInbox(port2, start);
  return port1;
}

export async function scene({
  directory: given,
  settings = SETTINGS,
  startThread = inThisThread,
}: SceneOptions = {}): Promise<Scene> {
  const directory = given ?? (await Directory.make());
  const place = { file: directory.file, busyMs: 50, synced: true };
  const { port1, port2 } = new MessageChannel();
  const opening = SqliteStore.over(new DatabaseLink(port1, place.file), realClock, place);
  serve(port2, place);
  const store = await opening;
  const log = new RecordingLog();
  const inbox = openSqliteInbox(store, settings, log, startThread)!;
  const events: InboxEvent[] = [];
  inbox.subscribe((event) => events.push(event));
  const close = async (): Promise<void> => {
    await inbox.close();
    await store.close();
  };
  return {
    ...{ inbox, store, directory, log, events, close },
    take: async (content, envelope = {}, transcript = []) => {
      const id = await put(store, content, { receivedAt: Date.now(), ...envelope });
      inbox.accepted({ id, transcript });
      return id;
    },
    reopen: async (next = settings) => {
      await close();
      return scene({ directory, settings: next, startThread });
    },
  };
}

/** Runs a test with a scene and leaves nothing behind. */
export function onScene(test: (scene: Scene) => Promise<void>, options: SceneOptions = {}): () => Promise<void> {
  return async () => {
    const one = await scene(options);
    try {
      await test(one);
    } finally {
      await one.close().catch(() => {});
      await one.directory.remove();
    }
  };
}

/** A mail in one line: header fields, a blank line, a text. */
export function mail(fields: Readonly<Record<string, string>>, text = 'text\r\n'): string {
  return `${Object.entries(fields)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')}\r\n${text}`;
}
