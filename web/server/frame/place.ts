// Where a request points: what is left of its path when the base path and the namespace are taken off. Clients that know
// nothing of namespaces get one as part of their base URL (`http://host:8025/ns/NAME`), and some put two slashes where
// one belongs.

import { OWN_API } from './methods.ts';

export interface Place {
  /** As the routes know it. */
  readonly path: string;
  /** As it is asked for; undefined for the whole inbox. It may be one that does not exist. */
  readonly namespace: string | undefined;
}

/** Supervisors may ask for these without knowing the base path. */
const HEALTH: ReadonlySet<string> = new Set(['/livez', '/readyz', '/healthz']);

/** `webroot` begins and ends with a slash. Null for what lies outside of it. */
export function placeOf(url: string, webroot: string): Place | null {
  const { pathname, searchParams } = new URL(url);
  const given = pathname.replaceAll(/\/{2,}/g, '/');
  if (HEALTH.has(given)) return { path: given, namespace: undefined };
  if (!given.startsWith(webroot)) return null;
  const path = given.slice(webroot.length - 1);
  const [, api = '', name, rest = '/'] = /^(\/api\/lonedot\/v1)?\/ns\/([^/]+)(\/.*)?$/.exec(path) ?? [];
  if (name === undefined) return { path, namespace: searchParams.get('namespace') ?? undefined };
  return { path: api === OWN_API ? `${OWN_API}${rest === '/' ? '' : rest}` : rest, namespace: decoded(name) };
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    // No namespace has such a name.
    return name;
  }
}
