// HTML as a row of tags and texts, in one pass and in bounded memory. No tree and no stack of open elements: mail comes
// from anywhere, and a parser that pairs tags can be made to work for minutes by a million that never close.
import { Tokenizer } from 'htmlparser2';

/** Names and values are decoded; names are in lower case; the first of two attributes with one name counts. */
export type Attributes = ReadonlyMap<string, string>;

export interface HtmlHandler {
  open?(name: string, attributes: Attributes): void;
  close?(name: string): void;
  /** Comes in pieces. What stands in `<style>` and `<script>` is text, too. */
  text?(text: string): void;
  comment?(text: string): void;
  /** `!DOCTYPE html`. */
  declaration?(text: string): void;
}

const MAX_ATTRIBUTES = 200;

/** Calls the handler until the end, or until it returns true from `isDone`. */
export function scanHtml(html: string, handler: HtmlHandler, isDone: () => boolean = () => false): void {
  let tag = '';
  let attributes = new Map<string, string>();
  let name = '';
  let value = '';
  /** Text up to an entity is held together with what follows, so that handlers see few pieces. */
  let text = '';
  const flush = () => {
    if (text === '') return;
    const whole = text;
    text = '';
    handler.text?.(whole);
    if (isDone()) tokenizer.pause();
  };
  const tokenizer = new Tokenizer(
    {},
    {
      onattribname(start, end) {
        name = html.slice(start, end).toLowerCase();
        value = '';
      },
      onattribdata(start, end) {
        value += html.slice(start, end);
      },
      onattribentity(code) {
        value += String.fromCodePoint(code);
      },
      onattribend() {
        if (!attributes.has(name) && attributes.size < MAX_ATTRIBUTES) attributes.set(name, value);
      },
      onopentagname(start, end) {
        flush();
        tag = html.slice(start, end).toLowerCase();
        attributes = new Map();
      },
      onopentagend() {
        handler.open?.(tag, attributes);
      },
      onselfclosingtag() {
        handler.open?.(tag, attributes);
      },
      onclosetag(start, end) {
        flush();
        handler.close?.(html.slice(start, end).toLowerCase());
      },
      oncomment(start, end, offset) {
        flush();
        handler.comment?.(html.slice(start, end - offset));
      },
      ondeclaration(start, end) {
        flush();
        handler.declaration?.(html.slice(start, end));
      },
      oncdata(start, end, offset) {
        text += html.slice(start, end - offset);
      },
      ontext(start, end) {
        text += html.slice(start, end);
      },
      ontextentity(code) {
        text += String.fromCodePoint(code);
      },
      onprocessinginstruction() {},
      onend: flush,
    },
  );
  tokenizer.write(html);
  tokenizer.end();
}
