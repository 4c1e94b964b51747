#!/usr/bin/env node
// Framing in process, without a socket: 64 KB chunks of 40-byte CRLF lines, and a dot-terminated block.
// Peers: split2 (npm), and loops of bare Buffer.indexOf, which is what native code can do.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { interleave, ratio, summary, table } from './lib.mjs';
import { here } from './processes.mjs';

async function compare(names) {
  const children = new Map();
  for (const [title, name] of Object.entries(names)) {
    const child = fork(here('framing-contestant.mjs'), [name]);
    await once(child, 'message');
    children.set(title, child);
  }
  const results = await interleave(
    [...children].map(([name, child]) => ({
      name,
      run: async () => {
        child.send('run');
        return (await once(child, 'message'))[0];
      },
    })),
    { rounds: 11, warmUps: 4 },
  );
  for (const child of children.values()) child.kill('SIGKILL');
  return (name) => results.get(name) ?? results;
}

const RAW = 'raw indexOf(10) loop';
const lines = await compare({ [RAW]: 'raw', collectSlice: 'slices', collectIncomingData: 'buffers', split2: 'split2' });
table('40-byte CRLF lines in 64 KB chunks', lines(''), 'ns a line');
const ns = (name) => lines(name).median;
ratio('collectSlice against split2', ns('split2') / ns('collectSlice'), 4);
ratio('collectSlice against a raw indexOf(10) loop', ns(RAW) / ns('collectSlice'), 0.6);
ratio('collectIncomingData against split2', ns('split2') / ns('collectIncomingData'), 1.3);

const NEEDLE = 'one indexOf(needle) a chunk';
const block = await compare({ [NEEDLE]: 'needle', 'CRLF.CRLF block': 'block' });
table('a block without its end, 64 KB chunks', block(''), 'GB/s', 2);
ratio(`CRLF.CRLF block against ${NEEDLE}`, block('CRLF.CRLF block').median / block(NEEDLE).median, 0.8);
summary();
