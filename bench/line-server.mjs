#!/usr/bin/env node
// A line server on the core, for measuring: `line-server.mjs PORT lines|block|echo`.
//   lines: counts CRLF lines; for a line that is just `.` it replies the count and CRLF
//   block: takes one block ended by CRLF.CRLF and replies its length and CRLF
//   echo:  replies each line with itself and CRLF
import net from 'node:net';
import { AsyncChat } from '../dist/src/chat.js';
import { socketTransport } from '../dist/src/transport.js';

const [port, mode] = [Number(process.argv[2]), process.argv[3]];
const CRLF = Buffer.from('\r\n');
const BLOCK_END = Buffer.from('\r\n.\r\n');
const DOT = 46;
const options = { inLimit: Number.POSITIVE_INFINITY };

class Counter extends AsyncChat {
  lines = 0;
  onlyDot = false;
  constructor(transport) {
    super(transport, options);
    this.setTerminator(CRLF);
  }
  collectSlice(chunk, start, end) {
    this.onlyDot = end - start === 1 && chunk[start] === DOT;
  }
  foundTerminator(info) {
    if (info.length === 1 && this.onlyDot) {
      this.push(Buffer.from(`${this.lines}\r\n`));
      this.lines = 0;
    } else this.lines++;
  }
}

class Block extends AsyncChat {
  constructor(transport) {
    super(transport, options);
    this.setTerminator(BLOCK_END);
  }
  collectSlice() {}
  foundTerminator(info) {
    this.push(Buffer.from(`${info.length}\r\n`));
  }
}

class Echo extends AsyncChat {
  constructor(transport) {
    super(transport, options);
    this.setTerminator(CRLF, { keep: true });
  }
  collectIncomingData(data) {
    this.push(data);
  }
  foundTerminator() {}
}

const Chat = { lines: Counter, block: Block, echo: Echo }[mode];
if (!Chat || !port) {
  console.error('usage: line-server.mjs PORT lines|block|echo');
  process.exit(2);
}
net
  .createServer(
    { noDelay: true, allowHalfOpen: true, highWaterMark: 65536 },
    (socket) => new Chat(socketTransport(socket)),
  )
  .listen({ port, host: '127.0.0.1', backlog: 1024 });
