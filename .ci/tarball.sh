#!/usr/bin/env bash
# What a user gets: the packed tarball in an empty folder, with and without install scripts; the program, the library
# from plain JavaScript and from strict TypeScript; its size. Argument: a folder to work in.
set -euo pipefail
checkout=$PWD
work=$1/tarball
mkdir -p "$work"
npm pack --silent --pack-destination "$work" >/dev/null

install() { # folder, option...
  mkdir "$work/$1" && cd "$work/$1"
  npm init -y >/dev/null
  npm install "${@:2}" --no-audit --no-fund --loglevel=error "$work"/lonedot-*.tgz
}
files() { (cd "$1/node_modules" && find . -type f ! -name .package-lock.json -exec sha256sum {} + | sort -k 2); }
install scripted
install user --ignore-scripts
# Whoever forbids scripts gets the very same.
diff <(files "$work/scripted") <(files "$work/user")

npx --no-install lonedot --help >help.txt
grep -q 'lonedot relay' help.txt
test "$(npx --no-install lonedot --version)" = "$(node -p "require('$checkout/package.json').version")"
cat >use.mjs <<'JS'
import { AsyncChat, Framer, SimpleProducer } from 'lonedot';
import { everySplit, memoryTransportPair } from 'lonedot/testing';

const framesOf = (chunks) => {
  const frames = [''];
  const framer = new Framer({
    slice: (chunk, start, end) => { frames[frames.length - 1] += chunk.toString('latin1', start, end); },
    terminator: () => void frames.push(''),
  });
  framer.setTerminator(Buffer.from('\r\n'));
  for (const chunk of chunks) framer.feed(chunk);
  framer.end();
  return frames;
};
const frames = everySplit(Buffer.from('a\r\nb\rc\r\n'), framesOf);
if (frames.join('|') !== 'a|b\rc|') throw new Error(`frames: ${JSON.stringify(frames)}`);

class Collect extends AsyncChat {
  text = '';
  collectIncomingData(data) { this.text += data.toString(); }
  foundTerminator() {}
  handleEof() { done(this.text); this.closeWhenDone(); }
}
let done;
const text = new Promise((resolve) => { done = resolve; });
const [a, b] = memoryTransportPair();
new Collect(a);
const sender = new Collect(b);
await sender.pushWithProducer(new SimpleProducer(Buffer.from('through a producer'), 4));
sender.closeWhenDone();
if ((await text) !== 'through a producer') throw new Error('the producer lost bytes');
import { connect, createServer } from 'node:net';
import { startProxy } from 'lonedot/testing';

const server = createServer((socket) => socket.end('hello\n'));
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const proxy = await startProxy({ upstream: server.address().port, protocol: 'line' });
connect(proxy.port, proxy.host).resume();
await proxy.expect(/^hello$/, { direction: 'server' });
await proxy.stop();
server.close();
JS
node use.mjs
cat >use.ts <<'TS'
import { AsyncChat, type FrameInfo, SimpleProducer, type Terminator } from 'lonedot';
import { everySplit, type Said, startProxy } from 'lonedot/testing';

export const said: Promise<Said> = startProxy({ upstream: 25, lint: true }).then((proxy) => proxy.expect('MAIL'));

export class Lines extends AsyncChat {
  protected collectIncomingData(data: Buffer): void {
    void data.length;
  }
  protected foundTerminator(info: FrameInfo): void {
    const terminator: Terminator = info.terminator;
    void terminator;
    void this.pushWithProducer(new SimpleProducer(Buffer.from('x')));
  }
}
export const check: number = everySplit(Buffer.from('x'), () => 1);
TS
"$checkout/node_modules/.bin/tsc" --noEmit --strict --target es2023 --module nodenext --typeRoots "$checkout/node_modules/@types" --types node use.ts
count=$(($(npm ls --all --parseable | wc -l) - 1))
size=$(du -sm node_modules | cut -f1)
echo "$count packages, $size MB"
test "$count" -le 90
test "$size" -le 55
