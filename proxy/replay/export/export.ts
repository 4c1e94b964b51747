// Writes a recording as something else: a test, a document. Secrets are masked, also where the recording has kept them.
import { writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { ChatError } from '../../../src/errors.ts';
import type { Recording } from '../../recording/read.ts';
import { type ExportForm, formOf } from '../options.ts';

type Form = (recording: Recording, name: string, bodyLines: number) => Promise<string>;

const FORMS: Readonly<Record<ExportForm, Form>> = {
  '.test.ts': async (recording, name) => (await import('./as-test.ts')).asTest(recording, name),
  '.md': async (...given) => (await import('./as-markdown.ts')).asMarkdown(...given),
  '.html': async (recording, name) => (await import('./as-html.ts')).asHtml(recording, name),
};

/** `from`: the recording's file; `bodyLines`: how many of a content Markdown has. Rejects with ChatError BAD_OPTION. */
export async function exportRecording(
  recording: Recording,
  from: string,
  to: string,
  bodyLines: number,
): Promise<void> {
  const text = await FORMS[formOf(to)!](recording, basename(from), bodyLines);
  try {
    await writeFile(to, text);
  } catch (error) {
    throw new ChatError('BAD_OPTION', `--export: cannot write ${to}: ${(error as Error).message}`, {}, error);
  }
}
