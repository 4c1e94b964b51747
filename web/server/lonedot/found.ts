// A mail as waiting gives it: its summary, and what tests look for in it: links, one-time passwords, and whatever the
// caller's own patterns find.
import type { Request, Web } from '../context.ts';
import { inboxOf } from '../frame/ask.ts';
import { Refusal } from '../frame/refusal.ts';
import { summaryJson } from './json.ts';

export interface Capture {
  readonly name: string;
  readonly pattern: string;
}

const MAX_CAPTURES = 20;

/** Of `capture=name=regex`, as often as it stands there. Throws Refusal 400. */
export function capturesFrom(c: Request): Capture[] {
  const given = c.req.queries('capture') ?? [];
  if (given.length > MAX_CAPTURES) throw new Refusal(400, `capture may stand there ${MAX_CAPTURES} times at most`);
  return given.map((text) => {
    const [, name, pattern] = /^([A-Za-z_][\w-]{0,63})=(.+)$/s.exec(text) ?? [];
    if (name === undefined || pattern === undefined) throw new Refusal(400, 'capture must be name=regular expression');
    try {
      new RegExp(pattern);
    } catch (error) {
      throw new Refusal(400, `capture ${name}: ${(error as Error).message}`);
    }
    return { name, pattern };
  });
}

/** Null for one that was deleted meanwhile. Rejects with BAD_SEARCH for a pattern that takes too long. */
export async function foundJson(web: Web, id: string, captures: readonly Capture[]) {
  const message = await inboxOf(web).message(id);
  if (!message) return null;
  const { extract } = await import('../../../relay/inbox/extract.ts');
  const { summary, mail } = message;
  const { links, codes } = extract(mail);
  const values = captures.map(({ name, pattern }) => {
    const found = extract(mail, { patterns: [pattern] }).captures;
    // The group of that name, or the first one, or without groups the whole match.
    return [name, found[name] ?? found['0'] ?? Object.values(found)[0] ?? null] as const;
  });
  return { ...summaryJson(summary), links, codes, captures: Object.fromEntries(values) };
}
