// What the program prints about its services: where they listen, and how to send a first mail.
import { paintFor } from '../src/colour.ts';
import { renderJson } from '../src/log.ts';
import { maskUrls } from '../src/redact.ts';
import type { Manner } from './options.ts';
import { print } from './output.ts';
import type { Fact, Started } from './plan.ts';

/** Prints where everything listens. */
export async function printStarted(started: Started, manner: Manner): Promise<void> {
  await printFacts(started.facts, manner);
  if (manner.format === 'text' && started.smtp !== undefined) await print(firstMail(started.smtp));
}

/** One line for each fact: `smtp  127.0.0.1:1025`, or a JSON object. */
export async function printFacts(facts: readonly Fact[], { format }: Manner): Promise<void> {
  const paint = paintFor(process.stdout);
  const time = new Date().toISOString();
  const several = new Set(facts.map(({ section }) => section)).size > 1;
  const lines = facts.map(({ section, label, text, event, fields }) => {
    if (format === 'json') return renderJson({ time, level: 'info', event, fields: { section, ...fields } });
    const value = paint(event === 'listening' ? 'cyan' : 'dim', maskUrls(text));
    return `${paint('dim', label.padEnd(5))} ${value}${several ? paint('dim', `  (${section})`) : ''}`;
  });
  await print(lines.map((line) => `${line}\n`).join(''));
}

function firstMail(smtp: string): string {
  // curl speaks SMTP over TCP only.
  if (smtp.startsWith('unix:')) return '';
  const paint = paintFor(process.stdout);
  const reachable = smtp.replace(/^(0\.0\.0\.0|\[::\]):/, 'localhost:');
  // With CRLF: a relay refuses bare LF.
  const mail = "printf 'Subject: Hello\\r\\n\\r\\nIt works.\\r\\n'";
  const send = `curl -sT - --mail-from me@example.com --mail-rcpt you@example.com smtp://${reachable}`;
  return `\n${paint('dim', 'Send a first mail:')}\n  ${mail} |\n  ${send}\n`;
}
