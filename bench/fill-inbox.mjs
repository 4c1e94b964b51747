// Puts captured mail into a new store: `fill-inbox.mjs FILE MESSAGES`. In a process of its own, which lets go of the
// database when it ends. The mails differ as mails do: senders, words, some HTML, some attachments.
import { openSqliteStore } from '../dist/relay/store/sqlite.js';

const [file, messages] = [process.argv[2], Number(process.argv[3])];
const AT_ONCE = 500;
const WORDS =
  'invoice order welcome password reset shipment meeting report summer winter garden engine bridge copper silver window table river mountain letter signal market ticket station museum harvest orange violet'.split(
    ' ',
  );
const store = await openSqliteStore({ file });
let state = 1;

function chance(n) {
  state = (Math.imul(state, 1103515245) + 12345) >>> 0;
  return (state >>> 8) % n;
}

const words = (n) => Array.from({ length: n }, () => WORDS[chance(WORDS.length)]).join(' ');

function mail(i) {
  const header = `From: ${words(1)} <user${i % 977}@bench.test>\r\nTo: <b${i % 31}@bench.test>\r\nSubject: ${words(4)} ${i}\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <${i}@bench.test>\r\n`;
  const text = `${words(60)}\r\n${words(60)}\r\n`;
  if (i % 3 > 0) return `${header}\r\n${text}`;
  return `${header}MIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<h1>${words(3)}</h1>\r\n<p>${text}</p>\r\n`;
}

function put(i) {
  const writer = store.begin();
  writer.write(Buffer.from(i % 1000 === 0 ? mail(i).replace(/\r\n$/, ' zanzibar\r\n') : mail(i)));
  return writer.commit({
    receivedAt: Date.now(),
    sender: `user${i % 977}@bench.test`,
    parameters: [],
    helo: 'bench.test',
    clientAddress: '127.0.0.1',
    protocol: 'ESMTP',
    tls: '',
    authUser: '',
    traits: [],
    recipients: [{ address: `b${i % 31}@bench.test`, parameters: [], route: 'capture' }],
  });
}

for (let done = 0; done < messages; done += AT_ONCE) {
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, messages - done) }, (_, i) => put(done + i)));
}
await store.close();
