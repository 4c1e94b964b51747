// The mail servers that are measured: ours and the peers, each on 127.0.0.1 with its files in a folder of its own below
// the system's temporary one. Postfix gets a private configuration and spool and is never a system service.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { note } from './lib.mjs';
import { findProgram, freePort, here, start } from './processes.mjs';

const LONEDOT = here('../dist/cli/lonedot.js');
const folder = fs.mkdtempSync(join(tmpdir(), 'lonedot-bench-'));
// Postfix drops its privileges and must still get through.
fs.chmodSync(folder, 0o755);
let folders = 0;

/** A fresh folder, deleted at the end of the program. */
export function newFolder() {
  const path = join(folder, String(folders++));
  fs.mkdirSync(path);
  return path;
}
process.on('exit', () => fs.rmSync(folder, { recursive: true, force: true }));

const asRoot = process.getuid?.() === 0;
const SMTP_SOURCE = findProgram('smtp-source');
const SMTP_SINK = findProgram('smtp-sink');
export const hasSmtpSource = SMTP_SOURCE !== null && SMTP_SINK !== null;
/** What a script says that cannot do without: the load comes from Postfix's own tools. */
export const NO_SMTP_SOURCE = "skipped: smtp-source and smtp-sink are missing here (Debian's package postfix has them)";

/** Our sink on a database file: what it says 250 to is on disk. */
export function lonedotSink({ name = 'lonedot', args = [] } = {}) {
  const database = join(newFolder(), 'inbox.db');
  return start(name, (port) => [
    'node',
    ...[LONEDOT, 'sink', '-s', `127.0.0.1:${port}`, '-l', '127.0.0.1:0', '-d', database, '-q', ...args],
  ]);
}

/** Our relay. `preload`: a module that Node loads before it, in each of its threads. */
export async function lonedotRelay({ name = 'lonedot', upstream, database, preload, args = [], port } = {}) {
  const file = database ?? join(newFolder(), 'queue.db');
  return start(
    name,
    (smtp) => [
      'node',
      ...(preload ? ['--import', preload] : []),
      ...[LONEDOT, 'relay', '-s', `127.0.0.1:${smtp}`, '--upstream', `smtp://127.0.0.1:${upstream}`, '-d', file, '-q'],
      ...args,
    ],
    { port },
  );
}

/** npm's smtp-server, which throws the mail away. */
export const smtpServerSink = () =>
  start('smtp-server, throws away', (port) => ['node', here('peers/smtp-server-sink.mjs'), port]);

/** npm's smtp-server and a pool of nodemailer: says 250 to what it has in memory. */
export const forwarder = ({ upstream }) =>
  start('smtp-server + nodemailer', (port) => ['node', here('peers/forwarder.mjs'), port, upstream]);

export function smtpSink({ output } = {}) {
  const user = asRoot ? ['-u', 'nobody'] : [];
  return start('smtp-sink', (port) => [SMTP_SINK, ...(output ? ['-c'] : []), ...user, `127.0.0.1:${port}`, 1000], {
    output,
    quiet: 'all',
  });
}

/** MailHog where a binary is in the PATH; null, with a word, elsewhere: it is neither in Debian nor on npm. */
export async function mailHog() {
  const program = findProgram('MailHog') ?? findProgram('mailhog');
  if (program === null) {
    note('MailHog is not in the PATH: it is left out (Go: github.com/mailhog/MailHog)');
    return null;
  }
  const web = `127.0.0.1:${await freePort()}`;
  const command = (port) => [program, ...`-smtp-bind-addr 127.0.0.1:${port} -api-bind-addr ${web}`.split(' ')];
  return start('MailHog', (port) => [...command(port), '-ui-bind-addr', web], { quiet: 'all' });
}

/** Postfix as a relay with its own sync before the 250; null, with a word, where it cannot be had. */
export async function postfix({ upstream }) {
  const program = findProgram('postfix');
  if (program === null || !asRoot) {
    note(
      `Postfix ${program === null ? "is missing (Debian's package postfix)" : 'starts only as root'}: it is left out`,
    );
    return null;
  }
  const place = newFolder();
  const port = await freePort();
  const config = join(place, 'etc');
  for (const one of ['etc', 'spool', 'data']) fs.mkdirSync(join(place, one));
  execFileSync('chown', ['postfix', join(place, 'data')]);
  fs.writeFileSync(join(config, 'main.cf'), mainCf(place, upstream));
  fs.writeFileSync(join(config, 'master.cf'), masterCf(port));
  execFileSync(program, ['-c', config, 'check'], { stdio: 'ignore' });
  const master = findProgram('master');
  return start('Postfix', () => [master, '-c', config, '-d'], { port, quiet: 'all' });
}

/** Its defaults, but for where it is and where its mail goes. */
function mainCf(place, upstream) {
  const settings = {
    compatibility_level: '3.6',
    queue_directory: join(place, 'spool'),
    data_directory: join(place, 'data'),
    maillog_file: join(place, 'log'),
    maillog_file_prefixes: place,
    inet_interfaces: '127.0.0.1',
    inet_protocols: 'ipv4',
    myhostname: 'postfix.bench.test',
    mydestination: '',
    mynetworks: '127.0.0.0/8',
    local_recipient_maps: '',
    alias_maps: '',
    alias_database: '',
    disable_dns_lookups: 'yes',
    relayhost: `[127.0.0.1]:${upstream}`,
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name} = ${value}\n`)
    .join('');
}

/** The services a relay needs: type, private, unprivileged, chroot, wake-up, most processes, program. */
function masterCf(port) {
  const services = [
    `127.0.0.1:${port} inet n - n - - smtpd`,
    'pickup unix n - n 60 1 pickup',
    'cleanup unix n - n - 0 cleanup',
    'qmgr unix n - n 300 1 qmgr',
    'rewrite unix - - n - - trivial-rewrite',
    'smtp unix - - n - - smtp',
    'relay unix - - n - - smtp',
    'anvil unix - - n - 1 anvil',
    'scache unix - - n - 1 scache',
    'postlog unix-dgram n - n - 1 postlogd',
    'tlsmgr unix - - n 1000? 1 tlsmgr',
    'proxymap unix - - n - - proxymap',
    'showq unix n - n - - showq',
    ...['bounce', 'defer', 'trace'].map((name) => `${name} unix - - n - 0 bounce`),
    ...['error', 'retry'].map((name) => `${name} unix - - n - - error`),
  ];
  return `${services.join('\n')}\n`;
}
