// Builds the page of web/ui into dist/ui: one script and one style sheet named by their content's hash, an index.html
// that names them by relative addresses (any base path will do), and each of them compressed ahead, so that the server
// only picks a file. `build-ui.mjs [FOLDER]` builds into another folder.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { build } from 'esbuild';

/** Gzipped bytes of script, styles and page together. */
const LIMIT = 150_000;

const source = fileURLToPath(new URL('../web/ui/', import.meta.url));
const target = process.argv[2] ?? fileURLToPath(new URL('../dist/ui/', import.meta.url));

const { outputFiles } = await build({
  entryPoints: [join(source, 'main.tsx'), join(source, 'style/style.css')],
  outdir: target,
  bundle: true,
  minify: true,
  write: false,
  format: 'esm',
  target: ['es2022', 'chrome109', 'firefox115', 'safari16.4'],
  jsx: 'automatic',
  jsxImportSource: 'preact',
  legalComments: 'none',
  logLevel: 'warning',
});

rmSync(target, { recursive: true, force: true });
mkdirSync(join(target, 'assets'), { recursive: true });

let gzipped = 0;
const bundled = (ending) => Buffer.from(outputFiles.find(({ path }) => path.endsWith(ending)).contents);
const names = {
  script: asset('page', '.js', bundled('.js')),
  style: asset('page', '.css', bundled('.css')),
  icon: asset('icon', '.svg', readFileSync(join(source, 'icon.svg'))),
};
const page = readFileSync(join(source, 'index.html'), 'utf8').replaceAll(/%(\w+)%/g, (_, name) => names[name]);
write('index.html', Buffer.from(page));

console.log(`dist/ui: ${(gzipped / 1000).toFixed(1)} kB gzipped`);
if (gzipped > LIMIT) {
  console.error(`the page may have ${LIMIT / 1000} kB`);
  process.exitCode = 1;
}

function asset(name, ending, bytes) {
  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 10);
  const file = `assets/${name}-${hash}${ending}`;
  write(file, bytes);
  return file;
}

function write(file, bytes) {
  const gz = gzipSync(bytes, { level: 9 });
  gzipped += gz.length;
  writeFileSync(join(target, file), bytes);
  writeFileSync(join(target, `${file}.gz`), gz);
  writeFileSync(
    join(target, `${file}.br`),
    brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }),
  );
}
