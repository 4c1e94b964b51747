// Mail through the proxy with the clients that people use, smtplib and swaks, to our sink and to Postfix: in the clear,
// with STARTTLS that goes through, and with STARTTLS that ends at the proxy.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { makeSelfSigned } from '../../src/self-signed.ts';
import { Upstream } from '../relay/support/upstream.ts';
import { Postfix, postfixMissing } from './support/postfix.ts';
import { Program } from './support/program.ts';
import { needs, output } from './support/servers.ts';
import { WatchedProxy } from './support/watched-proxy.ts';

/** Servers add what is missing. */
const HEADER =
  'Date: Sun, 22 Nov 2026 09:00:00 +0000\r\nMessage-ID: <1@x.example>\r\nFrom: a@x.example\r\nTo: b@y.example\r\n';
/** Lines that a framer may trip over. */
const CONTENT = `${HEADER}Subject: t\r\n\r\n.\r\n..\r\n.QUIT\r\n354 go\r\n${'y'.repeat(990)}\r\n${'z\r\n'.repeat(20_000)}`;

/** Where mail goes: a port, and what has arrived there so far, each without what servers put before it. */
interface Destination {
  readonly port: number;
  arrived(): Promise<string[]> | string[];
}

type Send = (port: number, start: string) => Promise<string>;

describe('the proxy between mail programs', function () {
  this.timeout(60_000);
  let directory: string;
  const cleanUp: (() => Promise<unknown>)[] = [];

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lonedot-proxy-mail-'));
    await writeFile(join(directory, 'mail'), CONTENT);
  });
  afterEach(async () => {
    for (const step of cleanUp.splice(0).reverse()) await step();
    await rm(directory, { recursive: true, force: true });
  });

  const destinations: Record<string, () => Promise<Destination>> = {
    'our sink': async () => {
      const files = ['-d', join(directory, 'sink.db'), '--tls-self-signed', 'localhost'];
      const sink = await Program.start(['sink', '-s', '127.0.0.1:0', '-l', '127.0.0.1:0', ...files]);
      cleanUp.push(() => sink.stop());
      const web = /"service":"web","url":"([^"]+)"/.exec(sink.stdout)![1]!;
      const content = async ({ id }: { id?: unknown }) =>
        ownPart(await (await fetch(`${web}api/v1/message/${String(id)}/raw`)).text());
      return { port: sink.port, arrived: () => Promise.all(sink.log('message.accepted').map(content)) };
    },
    Postfix: async () => {
      const end = await Upstream.start();
      cleanUp.push(() => end.stop());
      const { key, certificate } = makeSelfSigned(['localhost']);
      const file = join(directory, 'postfix.pem');
      await writeFile(file, key + certificate);
      const tls = { smtpd_tls_security_level: 'may', smtpd_tls_chain_files: file };
      const postfix = await Postfix.start(end.port, tls);
      cleanUp.push(() => postfix.stop());
      return {
        port: postfix.port,
        arrived: () => end.accepted.map(({ content }) => ownPart(content.toString('latin1'))),
      };
    },
  };

  /** Both print what the server answered. `start`: '' or a file with whom to trust; '*' trusts anybody. */
  const clients: Record<string, Send> = {
    smtplib: (port, start) => {
      const context =
        start === '*' ? 'ssl._create_unverified_context()' : `ssl.create_default_context(cafile='${start}')`;
      return output(
        '/usr/bin/python3',
        ['-'],
        `
import smtplib, ssl
mail = open('${directory}/mail', 'rb').read()
c = smtplib.SMTP('localhost', ${port}, local_hostname='client.example')
print(c.ehlo()[0], sorted(c.esmtp_features))
${start === '' ? '' : `print(c.starttls(context=${context})[0], c.ehlo()[0])`}
print(c.sendmail('a@x.example', ['b@y.example', 'c@y.example'], mail))
print(c.docmd('MAIL FROM:<a@x.example> BOGUS=1')[0], c.rset()[0], c.noop()[0])
print(c.quit()[0])
`,
      );
    },
    swaks: async (port, start) => {
      const tls = start === '' ? [] : start === '*' ? ['--tls'] : ['--tls', '--tls-verify', '--tls-ca-path', start];
      const what = ['-f', 'a@x.example', '-t', 'b@y.example,c@y.example', '--data', `@${directory}/mail`];
      const text = await output('/usr/bin/swaks', [
        '-s',
        `localhost:${port}`,
        '--helo',
        'client.example',
        ...what,
        ...tls,
      ]);
      // Answers within TLS are marked with a tilde.
      return [...text.matchAll(/^<[-~*]+ +(\d{3}[ -][A-Z0-9]*)|^(\*\*\* .*)|(\(\d+\))$/gm)]
        .map(([line]) => line)
        .join('\n');
    },
  };

  for (const [server, begin] of Object.entries(destinations)) {
    for (const [client, send] of Object.entries(clients)) {
      describe(`${client} to ${server}`, () => {
        let destination: Destination;

        beforeEach(async function () {
          needs(this, '/usr/bin/python3', '/usr/bin/swaks');
          const missing = server === 'Postfix' ? postfixMissing() : null;
          if (missing !== null) {
            this.currentTest!.title += ` (skipped: ${missing})`;
            this.skip();
          }
          destination = await begin();
        });

        /** Sends a mail straight and another through the proxy: the client hears the same, the same arrives. */
        async function same(trust: { direct: string; proxied: string }, flags = {}): Promise<WatchedProxy> {
          const direct = await send(destination.port, trust.direct);
          expect(direct, direct).to.match(/\(0\)$/);
          const proxy = await WatchedProxy.start(destination.port, { protocol: 'smtp', ...flags });
          cleanUp.push(() => proxy.stop());
          expect(await send(proxy.port, trust.proxied)).to.equal(direct);
          await proxy.over();
          let mails: string[] = [];
          for (let tries = 0; mails.length < 2 && tries < 200; tries++) {
            mails = await destination.arrived();
            await new Promise((resume) => setTimeout(resume, 50));
          }
          expect(mails).to.have.length(2);
          expect(mails[0]).to.contain('\r\n.QUIT\r\n354 go\r\n');
          expect(mails[1] === mails[0]).to.equal(true);
          return proxy;
        }

        function showsTheMail(proxy: WatchedProxy, isInside = false): void {
          const said = proxy.lines('client');
          const verbs = said
            .filter((line) => line.startsWith('command'))
            .map((line) => line.slice(8).split(/[ :]/)[0]!);
          expect(verbs.map((verb) => verb.toUpperCase()).join(' ')).to.match(
            /^EHLO (STARTTLS EHLO )?MAIL RCPT RCPT DATA .*QUIT$/,
          );
          const body = proxy.events.filter((event) => event.type === 'frame' && event.kind === 'body');
          const bytes = Buffer.concat(body.map((event) => (event.type === 'frame' ? event.bytes : Buffer.alloc(0))));
          expect(bytes.toString('latin1').replaceAll(/^\./gm, '')).to.contain(CONTENT.slice(0, -2));
          // Python and Perl close their connections without a word of TLS, which is told.
          const notes = [...said, ...proxy.lines('server')].filter(
            (line) => line.startsWith('note') && !/of the client ended without close_notify/.test(line),
          );
          expect(notes).to.deep.equal(isInside ? ['note STARTTLS: inside TLS from here on'] : []);
        }

        it('in the clear', async () => {
          showsTheMail(await same({ direct: '', proxied: '' }));
        });

        it('STARTTLS goes through', async () => {
          const proxy = await same({ direct: '*', proxied: '*' });
          expect(proxy.lines('server')).to.include('note STARTTLS: raw from here on');
          expect(proxy.lines('client').some((line) => line.includes('MAIL'))).to.equal(false);
        });

        it('STARTTLS ends at the proxy: the mail is seen, and clients that trust its authority go on', async () => {
          const ca = join(directory, 'ca.pem');
          const flags = { starttls: 'mitm', ca, 'tls-insecure': 'true' };
          // The authority is made on first use.
          const first = await WatchedProxy.start(destination.port, { protocol: 'smtp', ...flags });
          await first.stop();
          showsTheMail(await same({ direct: '*', proxied: ca }, flags), true);
        });
      });
    }
  }
});

/** Without the headers that servers put before a mail. */
function ownPart(mail: string): string {
  return mail.slice(mail.indexOf(HEADER));
}
