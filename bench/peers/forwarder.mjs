// What one builds in an afternoon: npm's smtp-server takes a message into memory, says 250, and a pool of nodemailer
// sends it on. Nothing is kept on disk: `forwarder.mjs PORT UPSTREAM_PORT`.
import { createTransport } from 'nodemailer';
import { SMTPServer } from 'smtp-server';

const [port, upstream] = process.argv.slice(2).map(Number);
const pool = createTransport({
  host: '127.0.0.1',
  port: upstream,
  ignoreTLS: true,
  pool: true,
  maxConnections: 10,
  maxMessages: Number.POSITIVE_INFINITY,
});

new SMTPServer({
  authOptional: true,
  hideSTARTTLS: true,
  disabledCommands: ['AUTH', 'STARTTLS'],
  disableReverseLookup: true,
  onData(stream, { envelope }, done) {
    const pieces = [];
    stream.on('data', (piece) => pieces.push(piece));
    stream.on('end', () => {
      done();
      const to = envelope.rcptTo.map(({ address }) => address);
      pool.sendMail({ envelope: { from: envelope.mailFrom.address, to }, raw: Buffer.concat(pieces) }, (error) => {
        if (error) console.error(error.message);
      });
    });
  },
}).listen(port, '127.0.0.1');
