// CSS as a row of rules, declarations and at-rules: enough to see what a style sheet uses. Forgiving, in one pass, and
// never deeper than MAX_DEPTH, whatever the braces.

export interface CssHandler {
  /** `@media (hover)`: the name in lower case without the sign, and what stands behind it. */
  atRule?(name: string, prelude: string): void;
  /** A rule is opened. `depth`: in how many other rules (not at-rules) it stands. */
  rule?(selector: string, depth: number): void;
  /** Property in lower case. `selector`: of the rule, '' in a style attribute; `isConditional`: within an at-rule. */
  declaration?(property: string, value: string, selector: string, isConditional: boolean): void;
  comment?(): void;
}

const MAX_DEPTH = 32;
const MAX_PIECE = 64 * 1024;

interface Block {
  readonly selector: string;
  readonly isAtRule: boolean;
}

/** The content of `<style>`. */
export function scanCss(css: string, handler: CssHandler): void {
  new CssScan(css, handler, []).run();
}

/** The content of a style attribute. */
export function scanDeclarations(style: string, handler: CssHandler): void {
  new CssScan(style, handler, [{ selector: '', isAtRule: false }]).run();
}

class CssScan {
  private readonly css: string;
  private readonly handler: CssHandler;
  private readonly blocks: Block[];
  /** Blocks that are open beyond MAX_DEPTH. */
  private beyond = 0;

  constructor(css: string, handler: CssHandler, blocks: Block[]) {
    this.css = css;
    this.handler = handler;
    this.blocks = blocks;
  }

  run(): void {
    let piece = '';
    let start = 0;
    let parentheses = 0;
    const take = (end: number) => {
      if (piece.length < MAX_PIECE) piece += this.css.slice(start, end);
    };
    for (let at = 0; at < this.css.length; at++) {
      const char = this.css[at]!;
      if (char === '/' && this.css[at + 1] === '*') {
        take(at);
        piece += ' ';
        const end = this.css.indexOf('*/', at + 2);
        at = (end === -1 ? this.css.length : end + 2) - 1;
        start = at + 1;
        this.handler.comment?.();
      } else if (char === '"' || char === "'") at = endOfString(this.css, at);
      else if (char === '\\') at++;
      else if (char === '(') parentheses++;
      else if (char === ')') parentheses = Math.max(0, parentheses - 1);
      else if (char === '{' || char === '}' || (char === ';' && parentheses === 0)) {
        take(at);
        this.end(piece.trim(), char);
        piece = '';
        start = at + 1;
        parentheses = 0;
      }
    }
    take(this.css.length);
    this.end(piece.trim(), ';');
  }

  private end(piece: string, by: '{' | '}' | ';'): void {
    if (by === '{') this.open(piece);
    else {
      this.statement(piece);
      if (by === '}') this.close();
    }
  }

  private open(piece: string): void {
    if (this.blocks.length >= MAX_DEPTH) {
      this.beyond++;
      return;
    }
    if (piece.startsWith('@')) {
      this.atRule(piece);
      const holdsDeclarations = /^@(?:font-face|page|property|counter-style)\b/i.test(piece);
      this.blocks.push({ selector: holdsDeclarations ? piece : this.selector(), isAtRule: true });
      return;
    }
    this.handler.rule?.(piece, this.blocks.filter(({ isAtRule }) => !isAtRule).length);
    this.blocks.push({ selector: piece, isAtRule: false });
  }

  private close(): void {
    if (this.beyond > 0) this.beyond--;
    else this.blocks.pop();
  }

  private statement(piece: string): void {
    if (piece === '' || this.beyond > 0) return;
    if (piece.startsWith('@')) {
      this.atRule(piece);
      return;
    }
    const colon = piece.indexOf(':');
    if (colon < 1 || this.blocks.length === 0) return;
    const property = piece.slice(0, colon).trim().toLowerCase();
    const isConditional = this.blocks.some(({ isAtRule }) => isAtRule);
    this.handler.declaration?.(property, piece.slice(colon + 1).trim(), this.selector(), isConditional);
  }

  private selector(): string {
    return this.blocks.at(-1)?.selector ?? '';
  }

  private atRule(piece: string): void {
    const [, name = '', prelude = ''] = /^@([\w-]*)\s*([\s\S]*)$/.exec(piece) ?? [];
    this.handler.atRule?.(name.toLowerCase(), prelude);
  }
}

function endOfString(css: string, from: number): number {
  const quote = css[from];
  for (let at = from + 1; at < css.length; at++) {
    if (css[at] === '\\') at++;
    else if (css[at] === quote || css[at] === '\n') return at;
  }
  return css.length;
}
