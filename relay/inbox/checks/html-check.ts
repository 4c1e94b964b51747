// Which mail programs will not show what a mail's HTML uses, by the data of caniemail.com. Nothing is loaded from
// anywhere: what a remote style sheet holds is not known.
//
// A rule in <style> counts for each element that its selector's last part names, as if it were written in their style
// attributes; how the parts before it restrict that is not looked at.
import { scanHtml } from '../html-scan.ts';
import { CANIEMAIL, type Feature, type Support } from './caniemail.ts';
import { type CssHandler, scanCss, scanDeclarations } from './css-scan.ts';
import {
  AT_RULE_TESTS,
  DECLARATION_TESTS,
  ELEMENT_TESTS,
  PROPERTY_TESTS,
  SELECTOR_TESTS,
  VALUE_TESTS,
} from './html-tests.ts';

const MAX_STYLE = 4 * 1024 * 1024;
/** Selectors of one rule that are looked at. */
const MAX_SELECTORS = 200;

export interface HtmlWarning {
  readonly feature: Feature;
  /** How often it is used. */
  readonly found: number;
}

export interface HtmlScore {
  /** Per cent; the three make 100. */
  readonly supported: number;
  readonly partial: number;
  readonly unsupported: number;
}

export interface HtmlCheck {
  /** What is not supported everywhere, worst first. */
  readonly warnings: readonly HtmlWarning[];
  readonly tests: number;
  readonly nodes: number;
  readonly score: HtmlScore;
}

const SCRIPT: Feature = {
  slug: 'html-script',
  title: '<script> element',
  description: 'No mail program runs scripts.',
  url: '',
  category: 'html',
  tags: [],
  keywords: '',
  notes: {},
  support: [],
  score: { supported: 0, partial: 0, unsupported: 100 },
};

export function checkHtml(html: string): HtmlCheck {
  const counts = new Map<string, number>();
  const add = (slug: string, times = 1) => {
    if (times > 0) counts.set(slug, (counts.get(slug) ?? 0) + times);
  };
  const elements = new ElementCounts();
  let style = '';
  let isStyle = false;
  const hasBody = /<\/body\s*>/i.test(html);
  scanHtml(html, {
    open(name, attributes) {
      elements.add(name, attributes.get('id'), attributes.get('class'));
      for (const [slug, test] of ELEMENT_LIST) if (test(name, attributes)) add(slug);
      const inline = attributes.get('style');
      if (inline !== undefined)
        scanDeclarations(
          inline,
          cssHandler(add, () => 1),
        );
      if (name === 'script' && !/^application\/(?:ld\+)?json$/i.test(attributes.get('type') ?? '')) add(SCRIPT.slug);
      isStyle = name === 'style';
    },
    close() {
      isStyle = false;
    },
    text(text) {
      if (isStyle && style.length < MAX_STYLE) style += `${text}\n`;
    },
    comment(text) {
      // Conditional comments are code for Outlook, which others rightly pass over.
      if (!/^\s*\[if\b|<!\[endif/i.test(text)) add('html-comments');
    },
    declaration(text) {
      if (/^!?doctype\s+html\s*$/i.test(text)) add('html-doctype');
    },
  });
  if (style !== '')
    scanCss(
      style,
      cssHandler(add, (selector) => elements.matching(selector)),
    );
  return rate(counts, elements.nodes(hasBody));
}

const ELEMENT_LIST = Object.entries(ELEMENT_TESTS);
const VALUE_LIST = Object.entries(VALUE_TESTS);
const SELECTOR_LIST = Object.entries(SELECTOR_TESTS);

/** Which slugs a property has; asked once for each. */
const slugsOfProperty = new Map<string, readonly string[]>();

function propertySlugs(property: string): readonly string[] {
  const known = slugsOfProperty.get(property);
  if (known !== undefined) return known;
  const slugs = Object.entries(PROPERTY_TESTS)
    .filter(([, test]) => test.test(property))
    .map(([slug]) => slug);
  const same = `css-${property}`;
  const isTaken = Object.hasOwn(PROPERTY_TESTS, same) || Object.hasOwn(DECLARATION_TESTS, same);
  if (!isTaken && CANIEMAIL.has(same)) slugs.push(same);
  // Names come from mails: a table of all of them would grow for ever.
  if (slugs.length > 0 && slugsOfProperty.size < 1000) slugsOfProperty.set(property, slugs);
  return slugs;
}

/** `uses`: on how many elements a selector's declarations work. */
function cssHandler(add: (slug: string, times?: number) => void, uses: (selector: string) => number): CssHandler {
  return {
    atRule(name, prelude) {
      for (const [slug, [rule, test]] of Object.entries(AT_RULE_TESTS)) {
        if (name.replace(/^-webkit-|^-moz-/, '') === rule && test.test(prelude)) add(slug);
      }
    },
    rule(selector, depth) {
      const plain = selector.slice(0, 10_000).replace(/"[^"]*"|'[^']*'/g, '""');
      if (depth > 0) add('css-nesting');
      for (const [slug, test] of SELECTOR_LIST) if (test.test(plain)) add(slug);
    },
    declaration(property, value, selector, isConditional) {
      const times = isConditional || selector.startsWith('@') || selector.includes(':') ? 1 : uses(selector);
      const short = value.slice(0, 2000);
      for (const slug of propertySlugs(property)) add(slug, times);
      for (const [slug, [wanted, test]] of Object.entries(DECLARATION_TESTS)) {
        if (property === wanted && test.test(short)) add(slug, times);
      }
      for (const [slug, test] of VALUE_LIST) if (test.test(short)) add(slug, times);
    },
    comment: () => add('css-comments'),
  };
}

class ElementCounts {
  private readonly counts = new Map<string, number>();
  private all = 0;
  private outside = 0;
  private readonly known = new Map<string, number>();

  add(name: string, id: string | undefined, classes: string | undefined): void {
    this.all++;
    if (name === 'html' || name === 'head' || name === 'meta' || name === 'body') this.outside++;
    const keys = [
      name,
      ...(id ? [`#${id}`] : []),
      ...(classes ?? '')
        .split(/\s+/)
        .filter(Boolean)
        .map((each) => `.${each}`),
    ];
    for (const key of new Set(keys.slice(0, 50))) this.counts.set(key, (this.counts.get(key) ?? 0) + 1);
  }

  /** How many elements the selectors name by their last parts. */
  matching(selectors: string): number {
    const known = this.known.get(selectors);
    if (known !== undefined) return known;
    let found = 0;
    for (const selector of selectors.slice(0, 10_000).split(',').slice(0, MAX_SELECTORS))
      found += this.lastPart(selector);
    const bounded = Math.min(found, this.all);
    if (this.known.size < 10_000) this.known.set(selectors, bounded);
    return bounded;
  }

  nodes(hasBody: boolean): number {
    return Math.max(1, hasBody ? this.all - this.outside + 1 : this.all - this.outside);
  }

  private lastPart(selector: string): number {
    const part =
      selector
        .replace(/\[[^\]]*\]/g, '')
        .trim()
        .split(/[\s>+~]+/)
        .at(-1) ?? '';
    const names = part.match(/[.#]?-?[\w\u0080-\uffff-]+/g) ?? [];
    const found = names.map((name) => this.counts.get(/^[.#]/.test(name) ? name : name.toLowerCase()) ?? 0);
    return found.length === 0 ? (part === '*' ? this.all : 0) : Math.min(...found);
  }
}

function rate(counts: ReadonlyMap<string, number>, nodes: number): HtmlCheck {
  const warnings: HtmlWarning[] = [];
  let [partial, unsupported] = [0, 0];
  for (const [slug, found] of counts) {
    const feature = slug === SCRIPT.slug ? SCRIPT : CANIEMAIL.get(slug);
    if (feature === undefined || feature.score.supported === 100) continue;
    warnings.push({ feature, found });
    // The worst feature decides, by how much of the mail uses it.
    const share = Math.min(1, found / nodes);
    partial = Math.max(partial, feature.score.partial * share);
    unsupported = Math.max(unsupported, feature.score.unsupported * share);
  }
  if (partial + unsupported > 100) partial = 100 - unsupported;
  const weight = ({ feature: { score }, found }: HtmlWarning) => (100 - score.supported) * Math.min(1, found / nodes);
  warnings.sort((a, b) => weight(b) - weight(a) || (a.feature.slug < b.feature.slug ? -1 : 1));
  return { warnings, tests: TESTS, nodes, score: { supported: 100 - partial - unsupported, partial, unsupported } };
}

/** How many features a mail is looked through for. */
const TESTS = [...CANIEMAIL.keys()].length + 1;

/** As Mailpit's API gives it. */
export function htmlCheckJson(check: HtmlCheck) {
  const platforms = new Map<string, Set<string>>();
  for (const { support } of CANIEMAIL.values()) {
    for (const { platform, familyName } of support) {
      platforms.set(platform, (platforms.get(platform) ?? new Set()).add(familyName));
    }
  }
  return {
    Warnings: check.warnings.map(({ feature, found }) => ({
      Slug: feature.slug,
      Title: feature.title,
      Description: feature.description,
      URL: feature.url,
      Category: feature.category,
      Tags: feature.tags,
      Keywords: feature.keywords,
      Results: feature.support.map(supportJson),
      NotesByNumber: feature.notes,
      Score: { Found: found, ...scoreJson(feature.score) },
    })),
    Platforms: Object.fromEntries([...platforms].map(([name, families]) => [name, [...families].sort()])),
    Total: { Tests: check.tests, Nodes: check.nodes, ...scoreJson(check.score) },
  };
}

function supportJson({ name, platform, family, version, support, note }: Support) {
  return { Name: name, Platform: platform, Family: family, Version: version, Support: support, NoteNumber: note };
}

function scoreJson({ supported, partial, unsupported }: HtmlScore) {
  return { Supported: supported, Partial: partial, Unsupported: unsupported };
}
