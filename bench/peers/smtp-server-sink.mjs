// npm's smtp-server, which reads each message and throws it away: `smtp-server-sink.mjs PORT`.
import { SMTPServer } from 'smtp-server';

new SMTPServer({
  authOptional: true,
  hideSTARTTLS: true,
  disabledCommands: ['AUTH', 'STARTTLS'],
  disableReverseLookup: true,
  onData(stream, _session, done) {
    stream.on('end', done).resume();
  },
}).listen(Number(process.argv[2]), '127.0.0.1');
