// The data of caniemail.com, unpacked: features by their slugs, with what each mail program does of them.
import { CLIENTS, FAMILIES, FEATURES, PLATFORMS } from './caniemail-data.ts';

export interface Support {
  /** `Outlook Windows (2019)`. */
  readonly name: string;
  readonly platform: string;
  readonly family: string;
  readonly familyName: string;
  readonly version: string;
  readonly support: 'yes' | 'no' | 'partial';
  /** Of `notes`; ''. */
  readonly note: string;
}

export interface Feature {
  readonly slug: string;
  readonly title: string;
  /** HTML, as are the notes. */
  readonly description: string;
  readonly url: string;
  readonly category: string;
  readonly tags: readonly string[];
  readonly keywords: string;
  readonly notes: Readonly<Record<string, string>>;
  readonly support: readonly Support[];
  /** Per cent of the versions that are known. */
  readonly score: { readonly supported: number; readonly partial: number; readonly unsupported: number };
}

type Line = [string, string, string, string, string[], string, string, Record<string, string>];

export const CANIEMAIL: ReadonlyMap<string, Feature> = new Map(
  FEATURES.map((line) => {
    const [slug, title, description, category, tags, keywords, stats, notes] = JSON.parse(line) as Line;
    const support = stats.split(';').flatMap(supportOf);
    const share = (wanted: Support['support']) =>
      (100 * support.filter((each) => each.support === wanted).length) / Math.max(1, support.length);
    const feature: Feature = {
      slug,
      title,
      description: htmlOf(description),
      url: `https://www.caniemail.com/features/${slug}/`,
      category,
      tags,
      keywords,
      notes: Object.fromEntries(Object.entries(notes).map(([number, note]) => [number, htmlOf(note)])),
      support,
      score: { supported: share('yes'), partial: share('partial'), unsupported: share('no') },
    };
    return [slug, feature];
  }),
);

/** `3:2019 n,2021 y #1`. What nobody has tried is left out. */
function supportOf(stats: string): Support[] {
  const [, client = '', versions = ''] = /^(\d+):(.*)$/.exec(stats) ?? [];
  const [family = '', platform = ''] = (CLIENTS[Number(client)] ?? '').split(' ');
  const familyName = FAMILIES[family] ?? family;
  return versions.split(',').flatMap((each): Support[] => {
    const [, version, letter, note = ''] = /^(\S+) ([a-z])(?: #(\d+))?/.exec(each) ?? [];
    if (version === undefined || letter === 'u') return [];
    // Yes, but: as Mailpit counts it, that is in part.
    const support = letter === 'n' ? 'no' : letter === 'y' && note === '' ? 'yes' : 'partial';
    const name = `${familyName} ${PLATFORMS[platform] ?? platform} (${version})`;
    return [{ name, platform, family, familyName, version, support, note }];
  });
}

/** Their Markdown has code, links and stress. */
function htmlOf(markdown: string): string {
  return markdown
    .replace(/[&<>"]/g, (char) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[char] ?? '&quot;')
    .replace(/`([^`]+)`/g, '<code>$1</code>')
    .replace(/\[([^\]]+)\]\((https?:\/\/[^)\s]+)\)/g, '<a href="$2" target="_blank" rel="noreferrer">$1</a>')
    .replace(/\*\*([^*]+)\*\*/g, '<strong>$1</strong>')
    .trim();
}
