// One contestant of framing.mjs in a process of its own, so that none runs with what another made of the compiler's
// caches. Told 'run' by its parent it answers its figure: ns a line, or GB/s for the block.
import { performance } from 'node:perf_hooks';
import split2 from 'split2';
import { AsyncChat, Framer, memoryTransportPair } from '../dist/src/index.js';

const LINE = 40;
const CHUNK = 65536;
/** So many chunks begin and end at every place a line can be cut; they are fed again and again. */
const PHASES = 40;
const CHUNKS = 10 * PHASES;
const LINES = (CHUNK * CHUNKS) / LINE;
const PROSE_PHASES = 78;
const BLOCK_CHUNKS = 50 * PROSE_PHASES;
const CRLF = Buffer.from('\r\n');
const NEEDLE = Buffer.from('\r\n.\r\n');

/** A text repeated over `count` chunks of 64 KB. */
function cut(text, count) {
  const stream = Buffer.alloc(CHUNK * count, text, 'latin1');
  return Array.from({ length: count }, (_, i) => Buffer.from(stream.subarray(i * CHUNK, (i + 1) * CHUNK)));
}

async function lines(run) {
  const chunks = cut(`${'x'.repeat(LINE - 2)}\r\n`, PHASES);
  const once = async () => {
    const start = performance.now();
    const seen = await run(chunks);
    const ns = ((performance.now() - start) * 1e6) / LINES;
    if (seen !== LINES) throw new Error(`saw ${seen} of ${LINES} lines`);
    return ns;
  };
  return once;
}

async function block(feed) {
  const chunks = cut('The quick brown fox jumps. Over the lazy dog. And so on, and on. 0123456789.\r\n', PROSE_PHASES);
  return () => {
    const start = performance.now();
    for (let i = 0; i < BLOCK_CHUNKS; i++) feed(chunks[i % PROSE_PHASES]);
    return (BLOCK_CHUNKS * CHUNK) / ((performance.now() - start) / 1000) / 1e9;
  };
}

class Slices extends AsyncChat {
  lines = 0;
  bytes = 0;
  collectSlice(_chunk, start, end) {
    this.bytes += end - start;
  }
  foundTerminator() {
    this.lines++;
  }
}

class Buffers extends AsyncChat {
  lines = 0;
  last = null;
  collectIncomingData(data) {
    this.last = data;
  }
  foundTerminator() {
    this.lines++;
  }
}

/** A chat that is fed like a socket would: through its transport's listener, with no I/O around it. */
function fed(Chat) {
  let onData;
  const transport = { ...memoryTransportPair()[0], remote: 'bench', pause() {}, resume() {}, destroy() {}, end() {} };
  transport.write = () => true;
  transport.on = (event, listener) => {
    if (event === 'data') onData = listener;
  };
  const chat = new Chat(transport, { inLimit: Number.POSITIVE_INFINITY, framesPerTurn: Number.POSITIVE_INFINITY });
  chat.setTerminator(CRLF);
  return (chunks) => {
    const before = chat.lines;
    for (let i = 0; i < CHUNKS; i++) onData(chunks[i % PHASES]);
    return chat.lines - before;
  };
}

function rawLoop(chunks) {
  let seen = 0;
  for (let i = 0; i < CHUNKS; i++) {
    const chunk = chunks[i % PHASES];
    for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, at + 1)) seen++;
  }
  return seen;
}

async function splitter(chunks) {
  const stream = split2();
  let seen = 0;
  stream.on('data', () => seen++);
  for (let i = 0; i < CHUNKS; i++) {
    if (!stream.write(chunks[i % PHASES])) await new Promise((resume) => stream.once('drain', resume));
  }
  stream.end();
  await new Promise((resolve) => stream.once('end', resolve));
  return seen;
}

const framer = new Framer({ slice() {}, terminator() {} });
framer.setTerminator(NEEDLE);
const contestants = {
  raw: () => lines(rawLoop),
  slices: () => lines(fed(Slices)),
  buffers: () => lines(fed(Buffers)),
  split2: () => lines(splitter),
  needle: () =>
    block((chunk) => {
      if (chunk.indexOf(NEEDLE) !== -1) throw new Error('found');
    }),
  block: () => block((chunk) => framer.feed(chunk)),
};
const run = await contestants[process.argv[2]]();
process.on('message', async () => process.send(await run()));
process.send('ready');
