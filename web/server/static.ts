// The built page: files that a build put into dist/ui, with compressed copies beside them where that pays. A file whose
// name holds its hash never changes and is kept for good by browsers; the page itself is asked for each time.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Request } from './context.ts';

/** Everything of our own, and nothing else: no inline script, no inline style, nobody else's server. */
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "font-src 'self'",
  "connect-src 'self'",
  "frame-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.json': 'application/json',
  '.webmanifest': 'application/manifest+json',
  '.txt': 'text/plain; charset=utf-8',
};
/** No dots at the start of a segment, so no way out of the folder. */
const FILE = /^(?:[\w-][\w.-]*\/)*[\w-][\w.-]*$/;
const HASHED = /[.-][A-Za-z0-9_-]{8,}\.\w+$/;
const ENCODINGS = [
  ['br', '.br'],
  ['gzip', '.gz'],
] as const;

/** The folder of the build; null when there is none, as in a checkout that was not built. */
export function builtUi(): string | null {
  // Built files lie in dist/web/server/, the sources in web/server/.
  const up = import.meta.url.endsWith('.ts') ? '../../dist/ui/' : '../../ui/';
  const folder = fileURLToPath(new URL(up, import.meta.url));
  return existsSync(join(folder, 'index.html')) ? folder : null;
}

/** The file of the page at this path; undefined when there is none. */
export async function answerFile(c: Request, folder: string, path: string): Promise<Response | undefined> {
  const name = path === '/' ? 'index.html' : path.slice(1);
  const type = TYPES[extname(name)];
  if (!FILE.test(name) || type === undefined) return undefined;
  const found = await readBest(join(folder, name), c.req.header('accept-encoding') ?? '');
  if (!found) return undefined;
  const etag = `"${createHash('sha256').update(found.bytes).digest('base64url').slice(0, 22)}"`;
  const headers: Record<string, string> = {
    'Content-Type': type,
    'Content-Security-Policy': PAGE_POLICY,
    'Cache-Control': HASHED.test(name) ? 'public, max-age=31536000, immutable' : 'no-cache',
    ETag: etag,
    Vary: 'Accept-Encoding',
    ...(found.encoding === null ? {} : { 'Content-Encoding': found.encoding }),
  };
  const seen = c.req.header('if-none-match')?.split(/\s*,\s*/) ?? [];
  if (seen.some((one) => one.replace(/^W\//, '') === etag)) return c.body(null, 304, headers);
  return c.body(found.bytes as Uint8Array<ArrayBuffer>, 200, headers);
}

async function readBest(file: string, accepted: string) {
  for (const [encoding, end] of ENCODINGS) {
    // RFC 9110 12.5.3: `;q=0` says no.
    if (!new RegExp(`(?:^|,)\\s*${encoding}\\s*(?:;(?!\\s*q=0(?:\\.0*)?\\s*(?:,|$))|,|$)`, 'i').test(accepted))
      continue;
    const bytes = await readOr(file + end);
    if (bytes) return { bytes, encoding };
  }
  const bytes = await readOr(file);
  return bytes && { bytes, encoding: null };
}

async function readOr(file: string): Promise<Buffer | undefined> {
  try {
    return await readFile(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'EISDIR' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}
