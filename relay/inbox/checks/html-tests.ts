// By what one sees that a mail uses a feature of caniemail's list: elements and attributes, pictures, CSS. The names are
// caniemail's slugs; the few it has that cannot be seen in a mail are left out.
import type { Attributes } from '../html-scan.ts';

type ElementTest = (name: string, attributes: Attributes) => boolean;

const element =
  (...names: readonly string[]): ElementTest =>
  (name) =>
    names.includes(name);
const attribute =
  (wanted: string): ElementTest =>
  (_, attributes) =>
    attributes.has(wanted);
const typed =
  (element: string, ...types: readonly string[]): ElementTest =>
  (name, attributes) =>
    name === element && types.includes((attributes.get('type') ?? '').toLowerCase());
const linked =
  (start: RegExp): ElementTest =>
  (name, attributes) =>
    (name === 'a' || name === 'area') && start.test(attributes.get('href') ?? '');

/** Elements that are named as their slug: html-abbr is `<abbr>`. */
const SAME =
  'abbr acronym address audio base bdi blockquote body code del dfn dialog div form hr img link marquee meter p picture pre ' +
  'progress rp rt ruby select small span style svg table textarea video wbr';
/** Attributes that are named as their slug. */
const SAME_ATTRIBUTES =
  'align aria-describedby aria-hidden aria-label aria-labelledby aria-live background cellpadding cellspacing dir height ' +
  'hidden lang popover required role target valign width';

export const ELEMENT_TESTS: Readonly<Record<string, ElementTest>> = {
  ...Object.fromEntries(SAME.split(' ').map((name) => [`html-${name}`, element(name)])),
  ...Object.fromEntries(SAME_ATTRIBUTES.split(' ').map((name) => [`html-${name}`, attribute(name)])),
  'html-anchor-links': linked(/^\s*#/),
  'html-button-reset': typed('button', 'reset'),
  'html-button-submit': typed('button', 'submit'),
  'html-h1-h6': element('h1', 'h2', 'h3', 'h4', 'h5', 'h6'),
  'html-image-maps': (name, attributes) => name === 'map' || (name === 'img' && attributes.has('usemap')),
  'html-input-checkbox': typed('input', 'checkbox'),
  'html-input-hidden': typed('input', 'hidden'),
  'html-input-radio': typed('input', 'radio'),
  'html-input-reset': typed('input', 'reset'),
  'html-input-submit': typed('input', 'submit'),
  'html-input-text': typed('input', 'text', ''),
  'html-lists': element('ul', 'ol', 'dl'),
  'html-loading-attribute': attribute('loading'),
  'html-mailto-links': linked(/^\s*mailto:/i),
  'html-meta-color-scheme': (name, attributes) =>
    name === 'meta' && /^color-scheme$/i.test(attributes.get('name') ?? ''),
  'html-object': element('object', 'embed'),
  'html-semantics': element(
    ...'article aside details figcaption figure footer header main mark nav section summary time'.split(' '),
  ),
  'html-srcset': (_, attributes) => attributes.has('srcset') || attributes.has('sizes'),
  'html-strike': element('strike', 's'),
  'html-strong': element('strong', 'b'),
  'css-inert-attribute': attribute('inert'),
  ...Object.fromEntries(
    'apng avif bmp gif hdr heif ico jpg mp4 png svg tiff webp'
      .split(' ')
      .map((kind) => [
        `image-${kind}`,
        picture(new RegExp(`\\.${kind === 'jpg' ? 'jpe?g' : kind === 'tiff' ? 'tiff?' : kind}$`, 'i')),
      ]),
  ),
  'image-base64': (name, attributes) => name === 'img' && /^\s*data:image\//i.test(attributes.get('src') ?? ''),
};

function picture(path: RegExp): ElementTest {
  return (name, attributes) => {
    const src = name === 'img' ? attributes.get('src') : undefined;
    return src !== undefined && !/^\s*data:/i.test(src) && path.test(src.split(/[?#]/, 1)[0]!.trim());
  };
}

/** Properties where they are not just what the slug says. */
export const PROPERTY_TESTS: Readonly<Record<string, RegExp>> = {
  'css-animation': /^(?:-webkit-)?animation(?:-|$)/,
  'css-block-inline-size': /^(?:block|inline)-size$/,
  'css-border': /^border(?:-(?:top|right|bottom|left|width|style|color))*$/,
  'css-border-image': /^border-image(?:-|$)/,
  'css-border-inline-block': /^border-(?:inline|block)$/,
  'css-border-inline-block-individual': /^border-(?:inline|block)-(?:start|end)(?:-|$)/,
  'css-border-inline-block-longhand': /^border-(?:inline|block)-(?:width|style|color)$/,
  'css-border-radius': /^border(?:-(?:top|bottom)-(?:left|right))?-radius$/,
  'css-border-radius-logical': /^border-(?:start|end)-(?:start|end)-radius$/,
  'css-column-layout-properties': /^(?:columns|column-(?:fill|rule.*|span|width))$/,
  'css-gap': /^(?:(?:column|row|grid|grid-row|grid-column)-)?gap$/,
  'css-grid-template': /^grid-template(?:-|$)/,
  'css-inset': /^inset(?:-|$)/,
  'css-left-right-top-bottom': /^(?:left|right|top|bottom)$/,
  'css-margin': /^margin(?:-(?:top|right|bottom|left))?$/,
  'css-margin-block-start-end': /^margin-block-(?:start|end)$/,
  'css-margin-inline-block': /^margin-(?:inline|block)$/,
  'css-margin-inline-start-end': /^margin-inline-(?:start|end)$/,
  'css-mask-image': /^(?:-webkit-)?mask(?:-image)?$/,
  'css-outline': /^outline(?:-(?:color|style|width))?$/,
  'css-overflow': /^overflow(?:-[xy])?$/,
  'css-padding': /^padding(?:-(?:top|right|bottom|left))?$/,
  'css-padding-block-start-end': /^padding-block-(?:start|end)$/,
  'css-padding-inline-block': /^padding-(?:inline|block)$/,
  'css-padding-inline-start-end': /^padding-inline-(?:start|end)$/,
  'css-scroll-snap': /^scroll-(?:snap|margin|padding)(?:-|$)/,
  'css-text-emphasis': /^(?:-webkit-)?text-emphasis(?:-(?:color|style))?$/,
  'css-transform': /^(?:-webkit-)?transform$/,
  'css-transition': /^(?:-webkit-)?transition(?:-|$)/,
  'css-user-select': /^(?:-webkit-|-moz-|-ms-)?user-select$/,
  'css-variables': /^--/,
};

const NUMBER = '(?:^|[\\s,(*/+-])[+-]?(?:\\d+\\.?\\d*|\\.\\d+)';
const unit = (name: string) => new RegExp(`${NUMBER}${name}(?![\\w%])`, 'i');
const called = (...names: readonly string[]) =>
  new RegExp(`(?:^|[\\s,(])(?:-webkit-)?(?:repeating-)?(?:${names.join('|')})\\(`, 'i');

/** What values hold. */
export const VALUE_TESTS: Readonly<Record<string, RegExp>> = {
  ...Object.fromEntries(
    'ch cm em ex in mm pc pt px rem vh vmax vmin vw'.split(' ').map((name) => [`css-unit-${name}`, unit(name)]),
  ),
  'css-unit-percent': unit('%'),
  'css-unit-initial': /^initial\b/i,
  'css-unit-calc': called('calc'),
  'css-function-clamp': called('clamp'),
  'css-function-light-dark': called('light-dark'),
  'css-function-max': called('max'),
  'css-function-min': called('min'),
  'css-conic-gradient': called('conic-gradient'),
  'css-linear-gradient': called('linear-gradient'),
  'css-radial-gradient': called('radial-gradient'),
  'css-modern-color': called('lch', 'oklch', 'lab', 'oklab'),
  'css-rgb': called('rgb'),
  'css-rgba': called('rgba'),
  'css-important': /!\s*important/i,
  'css-intrinsic-size': /\b(?:fit-content|min-content|max-content)\b/i,
  'css-sytem-ui': /\b(?:system-ui|ui-serif|ui-sans-serif|ui-rounded|ui-monospace)\b/i,
  'css-variables': called('var'),
};

/** A property together with a value. */
export const DECLARATION_TESTS: Readonly<Record<string, readonly [property: string, value: RegExp]>> = {
  'css-display-flex': ['display', /^(?:inline-)?flex\b/i],
  'css-display-grid': ['display', /^(?:inline-)?grid\b/i],
  'css-display-none': ['display', /^none\b/i],
  'css-flex-direction': ['flex-direction', /^column/i],
  'css-flex-wrap': ['flex-wrap', /^wrap/i],
};

export const AT_RULE_TESTS: Readonly<Record<string, readonly [name: string, prelude: RegExp]>> = {
  'css-at-font-face': ['font-face', /^/],
  'css-at-import': ['import', /^/],
  'css-at-keyframes': ['keyframes', /^/],
  'css-at-media': ['media', /^/],
  'css-at-media-device-pixel-ratio': ['media', /device-pixel-ratio/i],
  'css-at-media-hover': ['media', /\(\s*(?:any-)?hover\b/i],
  'css-at-media-orientation': ['media', /\(\s*orientation\b/i],
  'css-at-media-prefers-color-scheme': ['media', /\(\s*prefers-color-scheme\b/i],
  'css-at-media-prefers-reduced-motion': ['media', /\(\s*prefers-reduced-motion\b/i],
  'css-at-supports': ['supports', /^/],
};

const PSEUDO_CLASSES =
  'active checked default first-child first-of-type focus focus-visible focus-within has hover lang last-child last-of-type ' +
  'link not nth-child nth-last-child nth-last-of-type nth-of-type only-child only-of-type target visited';
const PSEUDO_ELEMENTS = 'after before first-letter first-line marker placeholder';

/** What selectors hold; strings in them are empty. */
export const SELECTOR_TESTS: Readonly<Record<string, RegExp>> = {
  ...Object.fromEntries(
    PSEUDO_CLASSES.split(' ').map((name) => [`css-pseudo-class-${name}`, new RegExp(`(?<!:):${name}(?![\\w-])`, 'i')]),
  ),
  ...Object.fromEntries(
    PSEUDO_ELEMENTS.split(' ').map((name) => [`css-pseudo-element-${name}`, new RegExp(`::?${name}(?![\\w-])`, 'i')]),
  ),
  'css-selector-adjacent-sibling': /[^\s+]\s*\+\s*[^\s\d]/,
  'css-selector-attribute': /\[/,
  'css-selector-chaining': /[\w\])]\.[\w-]|[\w\])-]#[\w-]|\.[\w-]+\[/,
  'css-selector-child': />/,
  'css-selector-class': /\.[a-z_-]/i,
  'css-selector-descendant': /[\w*\])-]\s+[\w*.#[:]/,
  'css-selector-general-sibling': /~(?!=)/,
  'css-selector-grouping': /,/,
  'css-selector-id': /#/,
  'css-selector-type': /(?:^|[\s,>+~])[a-z]/i,
  'css-selector-universal': /(?:^|[\s,>+~])\*/,
};
