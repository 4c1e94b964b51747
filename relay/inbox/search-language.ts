// The search language: Mailpit's, in which people and clients already write, and more.
//
//   word "two words" subject:"two words"    all must be there, whatever the case
//   -word !from:bob -(a OR b)               must not
//   a OR b, (a OR b) c                      OR is written in capitals and binds less than the blank
//   from:=bob@x.example                     the whole address
//   /regex/ subject:/^Re: .*/i              a regular expression
//   header:X-Run=17 rcpt:*@x.example ...    search-filters.ts has the table
//
// What no filter can be is text: http://x, 12:30, `Re: hello`. What could be meant as a filter and is none is an error.
import { badSearch, FILTERS, REGEX_FIELDS, refuseUnknownFilter, type SearchContext, show } from './search-filters.ts';
import type { SearchQuery, TextField } from './search-query.ts';

/** Characters; more is no search that anybody wrote. */
const MAX_SEARCH = 10_000;
const MAX_TERMS = 500;
const MAX_DEPTH = 50;
const MAX_REGEX = 500;

/** Throws ChatError BAD_SEARCH, with one line that says what is wrong and what to do. A blank search finds everything. */
export function parseSearch(text: string, context: SearchContext): SearchQuery {
  if (text.length > MAX_SEARCH) throw badSearch(`a search has at most ${MAX_SEARCH} characters`, MAX_SEARCH);
  return new Parser(text, context).parse();
}

/** A term as it was read: quotes are gone, but it is known where they were. */
interface Word {
  readonly text: string;
  /** How many of its first characters stood before the first quote. */
  readonly plain: number;
  readonly startsQuoted: boolean;
}

class Parser {
  private readonly text: string;
  private readonly context: SearchContext;
  private at = 0;
  private depth = 0;
  private terms = 0;

  constructor(text: string, context: SearchContext) {
    this.text = text;
    this.context = context;
  }

  parse(): SearchQuery {
    const query = this.alternatives();
    // What stops the outermost level before the end is a parenthesis that nothing opened.
    if (this.at < this.text.length) throw badSearch(`the ) at ${this.at + 1} closes nothing`, this.at + 1);
    return query;
  }

  private alternatives(): SearchQuery {
    const found: SearchQuery[] = [];
    do {
      const start = this.at;
      const all = this.conjunction();
      if (all !== null) found.push(all);
      else if (found.length > 0 || this.isAt('OR')) {
        throw badSearch(`something is missing beside the OR at ${start + 1}; quotes make it a word`, start + 1);
      }
    } while (this.take('OR'));
    return found.length === 1 ? found[0]! : found.length === 0 ? { kind: 'all', of: [] } : { kind: 'one', of: found };
  }

  /** Null when there is nothing before the next OR, the parenthesis or the end. */
  private conjunction(): SearchQuery | null {
    const all: SearchQuery[] = [];
    let isEmpty = true;
    for (;;) {
      this.skipBlanks();
      if (this.at >= this.text.length || this.text[this.at] === ')' || this.isAt('OR')) break;
      if (!isEmpty && this.take('AND')) continue;
      const term = this.term();
      isEmpty = false;
      if (term !== null) all.push(term);
    }
    if (isEmpty) return null;
    return all.length === 1 ? all[0]! : { kind: 'all', of: all };
  }

  /** Null for what asks for nothing: `subject:` while somebody is typing, a stray `-`. */
  private term(): SearchQuery | null {
    if (++this.terms > MAX_TERMS) throw badSearch(`a search has at most ${MAX_TERMS} terms`, this.at + 1);
    const sign = this.text[this.at];
    const follows = this.text[this.at + 1];
    if ((sign === '-' || sign === '!') && follows !== undefined && !/[\s)]/.test(follows)) {
      this.at++;
      const of = this.positive();
      return of === null ? null : { kind: 'not', of };
    }
    return this.positive();
  }

  private positive(): SearchQuery | null {
    if (this.text[this.at] === '(') return this.group();
    const regex = this.regex('any');
    if (regex !== null) return regex;
    const place = this.at + 1;
    const filter = /^([A-Za-z-]+):(?=\/)/.exec(this.text.slice(this.at, this.at + 20));
    const name = (filter?.[1] ?? '').toLowerCase();
    if (Object.hasOwn(REGEX_FIELDS, name)) {
      const start = this.at;
      this.at += filter![0].length;
      const found = this.regex(REGEX_FIELDS[name]!);
      if (found !== null) return found;
      this.at = start;
    }
    return this.meaning(this.word(), place);
  }

  /** Null for an empty one. */
  private group(): SearchQuery | null {
    const place = ++this.at;
    if (++this.depth > MAX_DEPTH) throw badSearch(`parentheses stand in each other at most ${MAX_DEPTH} deep`, place);
    const query = this.alternatives();
    if (this.text[this.at] !== ')') throw badSearch(`the ( at ${place} is not closed`, place);
    this.at++;
    this.depth--;
    return query.kind === 'all' && query.of.length === 0 ? null : query;
  }

  /** `/x/` or `/x/i` up to a blank, a parenthesis or the end; null for anything else, like a path. */
  private regex(field: TextField): SearchQuery | null {
    if (this.text[this.at] !== '/') return null;
    let isClass = false;
    for (let end = this.at + 1; end < this.text.length && end - this.at <= MAX_REGEX + 1; end++) {
      const char = this.text[end];
      if (char === '\\') end++;
      else if (char === '[') isClass = true;
      else if (char === ']') isClass = false;
      else if (char === '/' && !isClass) {
        const source = this.text.slice(this.at + 1, end);
        const [flags] = /^i?(?=[\s)]|$)/.exec(this.text.slice(end + 1, end + 3)) ?? [];
        if (source === '' || flags === undefined) return null;
        checkRegex(source, this.at + 1);
        this.at = end + 1 + flags.length;
        return { kind: 'regex', field, source, ignoreCase: flags === 'i' };
      }
    }
    return null;
  }

  /** Reads up to a blank that stands in no quotes, or to the parenthesis that closes the group. */
  private word(): Word {
    const start = this.at;
    let text = '';
    let plain = -1;
    let open = 0;
    for (; this.at < this.text.length; this.at++) {
      const char = this.text[this.at]!;
      if (/\s/.test(char)) break;
      if (char === '"') {
        const end = this.text.indexOf('"', this.at + 1);
        if (end === -1) throw badSearch(`the " at ${this.at + 1} is not closed`, this.at + 1);
        if (plain === -1) plain = text.length;
        text += this.text.slice(this.at + 1, end);
        this.at = end;
        continue;
      }
      // Parentheses that a word opens and closes itself belong to it: f(x)
      if (char === '(') open++;
      else if (char === ')' && --open < 0) break;
      text += char;
    }
    return { text, plain: plain === -1 ? text.length : plain, startsQuoted: this.text[start] === '"' };
  }

  private meaning({ text, plain, startsQuoted }: Word, place: number): SearchQuery | null {
    const value = text.trim();
    // Nothing but signs finds nothing useful, as in `a & b`; in quotes they are meant.
    if (value === '' || (plain === text.length && /^[!-/:-@[-`{-~]+$/.test(value))) return null;
    const [whole, name] = /^([A-Za-z][A-Za-z0-9-]*):/.exec(text) ?? [];
    if (whole === undefined || name === undefined) return { kind: 'text', field: 'any', text: value };
    const rest = text.slice(whole.length).trim();
    const filter = name.toLowerCase();
    // Mailpit takes "subject:two words" for a filter, too, since it takes quotes away first.
    if (Object.hasOwn(FILTERS, filter) && (startsQuoted || plain >= whole.length)) {
      return rest === '' ? null : FILTERS[filter]!({ text: rest, place }, this.context);
    }
    if (rest !== '' && !startsQuoted && plain >= whole.length) refuseUnknownFilter(name, rest, place);
    return { kind: 'text', field: 'any', text: value };
  }

  private skipBlanks(): void {
    while (this.at < this.text.length && /\s/.test(this.text[this.at]!)) this.at++;
  }

  private isAt(operator: string): boolean {
    const follows = this.text[this.at + operator.length];
    return this.text.startsWith(operator, this.at) && (follows === undefined || /[\s()]/.test(follows));
  }

  private take(operator: string): boolean {
    this.skipBlanks();
    if (!this.isAt(operator)) return false;
    this.at += operator.length;
    return true;
  }
}

function checkRegex(source: string, place: number): void {
  try {
    new RegExp(source);
  } catch (error) {
    const why = (error as Error).message.replace(/^.*: /, '').replaceAll(/\s+/g, ' ');
    throw badSearch(`${show(`/${source}/`)} is no regular expression: ${why}`, place);
  }
}
