#!/usr/bin/env node
// Framing in process, without a socket: 64 KB chunks of 40-byte CRLF lines, and a dot-terminated block.
// Peers: split2 (npm), and loops of bare Buffer.indexOf, which is what native code can do. Figures are ns a line.
import { performance } from 'node:perf_hooks';
import split2 from 'split2';
import { AsyncChat, Framer, memoryTransportPair } from '../dist/src/index.js';
import { interleave, ratio, summary, table } from './lib.mjs';

const LINE = 40;
const CHUNK = 65536;
/** So many chunks begin and end at every place a line can be cut; they are fed again and again. */
const PHASES = 40;
const CHUNKS = 10 * PHASES;
const LINES = (CHUNK * CHUNKS) / LINE;
const CRLF = Buffer.from('\r\n');
const chunks = cut(`${'x'.repeat(LINE - 2)}\r\n`, PHASES);

/** A text repeated over `count` chunks of 64 KB. */
function cut(text, count) {
  const stream = Buffer.alloc(CHUNK * count, text, 'latin1');
  return Array.from({ length: count }, (_, i) => Buffer.from(stream.subarray(i * CHUNK, (i + 1) * CHUNK)));
}

const nsPerLine = (run) => () => {
  const start = performance.now();
  const seen = run();
  const ns = ((performance.now() - start) * 1e6) / LINES;
  if (seen !== LINES) throw new Error(`saw ${seen} of ${LINES} lines`);
  return ns;
};

/** A chat that is fed like a socket would: through its transport's listener, with no I/O around it. */
function fed(Chat) {
  let onData;
  const transport = {
    ...memoryTransportPair()[0],
    remote: 'bench',
    pause() {},
    resume() {},
    destroy() {},
    end() {},
    write: () => true,
  };
  transport.on = (event, listener) => {
    if (event === 'data') onData = listener;
  };
  const chat = new Chat(transport, { inLimit: Number.POSITIVE_INFINITY, framesPerTurn: Number.POSITIVE_INFINITY });
  return { chat, feed: (bytes) => onData(bytes) };
}

class Slices extends AsyncChat {
  lines = 0;
  bytes = 0;
  constructor(transport, options) {
    super(transport, options);
    this.setTerminator(CRLF);
  }
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
  constructor(transport, options) {
    super(transport, options);
    this.setTerminator(CRLF);
  }
  collectIncomingData(data) {
    this.last = data;
  }
  foundTerminator() {
    this.lines++;
  }
}

function runChat({ chat, feed }) {
  const before = chat.lines;
  for (let i = 0; i < CHUNKS; i++) feed(chunks[i % PHASES]);
  return chat.lines - before;
}

function rawLoop() {
  let lines = 0;
  for (let i = 0; i < CHUNKS; i++) {
    const chunk = chunks[i % PHASES];
    for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, at + 1)) lines++;
  }
  return lines;
}

async function splitter() {
  const stream = split2();
  let lines = 0;
  stream.on('data', () => lines++);
  const start = performance.now();
  for (let i = 0; i < CHUNKS; i++)
    if (!stream.write(chunks[i % PHASES])) await new Promise((resume) => stream.once('drain', resume));
  stream.end();
  await new Promise((resolve) => stream.once('end', resolve));
  const ns = ((performance.now() - start) * 1e6) / LINES;
  if (lines !== LINES) throw new Error(`split2 saw ${lines} of ${LINES}`);
  return ns;
}

const slices = fed(Slices);
const buffers = fed(Buffers);
const lines = await interleave(
  [
    { name: 'raw indexOf(10) loop', run: nsPerLine(rawLoop) },
    { name: 'lonedot collectSlice', run: nsPerLine(() => runChat(slices)) },
    { name: 'lonedot collectIncomingData', run: nsPerLine(() => runChat(buffers)) },
    { name: 'split2', run: splitter },
  ],
  { rounds: 9 },
);
table('40-byte CRLF lines in 64 KB chunks', lines, 'ns a line');
const of = (name) => lines.get(name).median;
ratio('collectSlice against split2', of('split2') / of('lonedot collectSlice'), 4);
ratio('collectSlice against a raw indexOf(10) loop', of('raw indexOf(10) loop') / of('lonedot collectSlice'), 0.6);
ratio('collectIncomingData against split2', of('split2') / of('lonedot collectIncomingData'), 1.3);

// ---- a dot-terminated block: one search for the whole needle a chunk ----
const NEEDLE = Buffer.from('\r\n.\r\n');
const prose = cut('The quick brown fox jumps. Over the lazy dog. And so on, and on. 0123456789.\r\n', 78);
const BLOCK_CHUNKS = 50 * 78;
const framer = new Framer({ slice() {}, terminator() {} });
framer.setTerminator(NEEDLE);
const timed = (run) => () => {
  const start = performance.now();
  run();
  return (BLOCK_CHUNKS * CHUNK) / ((performance.now() - start) / 1000) / 1e9;
};
const block = await interleave(
  [
    {
      name: 'one indexOf(needle) a chunk',
      run: timed(() => {
        for (let i = 0; i < BLOCK_CHUNKS; i++) if (prose[i % 78].indexOf(NEEDLE) !== -1) throw new Error('found');
      }),
    },
    {
      name: 'lonedot CRLF.CRLF',
      run: timed(() => {
        for (let i = 0; i < BLOCK_CHUNKS; i++) framer.feed(prose[i % 78]);
      }),
    },
  ],
  { rounds: 9 },
);
table('a block without its end, 64 KB chunks', block, 'GB/s', 2);
ratio(
  'CRLF.CRLF block against one indexOf(needle) a chunk',
  block.get('lonedot CRLF.CRLF').median / block.get('one indexOf(needle) a chunk').median,
  0.8,
);
summary();
