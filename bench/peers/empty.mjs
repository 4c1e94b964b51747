// The floor for start-up: the least that a Node server with a banner can be. `empty.mjs PORT`
import net from 'node:net';

net
  .createServer((socket) => socket.on('error', () => {}).write('220 empty\r\n'))
  .listen(Number(process.argv[2]), '127.0.0.1');
