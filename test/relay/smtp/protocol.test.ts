// Which command is legal in which state, and where it leads: written by hand from RFC 5321 4.1.4 and 3.3, not from the
// table in relay/smtp/protocol.ts, so that the two can disagree. Each cell is played on sessions of their own.
import { expect } from 'chai';
import { NOT_IMPLEMENTED, NOT_SMTP } from '../../../relay/smtp/protocol.ts';
import type { Client } from '../support/client.ts';
import { Scene } from '../support/sessions.ts';

/** A fresh connection; greeted by the client; MAIL taken; one RCPT taken; one chunk taken. */
const STATES = ['connected', 'ready', 'sender', 'envelope', 'chunks'] as const;
type State = (typeof STATES)[number];

/** How a session gets into the state. */
const ENVELOPE = ['EHLO c.example', 'MAIL FROM:<a@x.example>', 'RCPT TO:<b@x.example>'];
const WAY: Readonly<Record<State, readonly string[]>> = {
  connected: [],
  ready: ENVELOPE.slice(0, 1),
  sender: ENVELOPE.slice(0, 2),
  envelope: ENVELOPE,
  // The chunk is the CRLF that ends every line here.
  chunks: [...ENVELOPE, 'BDAT 2\r\n'],
};

type Cell = readonly [code: number, next: State | 'content' | 'closing'];

const MATRIX: Readonly<Record<string, Readonly<Record<State, Cell>>>> = {
  // 4.1.4: "EHLO MAY be issued by a client later in the session": the same as RSET.
  'EHLO again.example': {
    connected: [250, 'ready'],
    ready: [250, 'ready'],
    sender: [250, 'ready'],
    envelope: [250, 'ready'],
    chunks: [250, 'ready'],
  },
  'HELO again.example': {
    connected: [250, 'ready'],
    ready: [250, 'ready'],
    sender: [250, 'ready'],
    envelope: [250, 'ready'],
    chunks: [250, 'ready'],
  },
  // 3.3: "If the MAIL command is not acceptable ..."; 4.1.4: 503 when a transaction is open already.
  'MAIL FROM:<second@x.example>': {
    connected: [503, 'connected'],
    ready: [250, 'sender'],
    sender: [503, 'sender'],
    envelope: [503, 'envelope'],
    chunks: [503, 'chunks'],
  },
  'RCPT TO:<second@x.example>': {
    connected: [503, 'connected'],
    ready: [503, 'ready'],
    sender: [250, 'envelope'],
    envelope: [250, 'envelope'],
    chunks: [503, 'chunks'],
  },
  // 3.3: without MAIL or RCPT "command out of sequence".
  DATA: {
    connected: [503, 'connected'],
    ready: [503, 'ready'],
    sender: [503, 'sender'],
    envelope: [354, 'content'],
    chunks: [503, 'chunks'],
  },
  // RFC 3030 2: like DATA; but its octets must go somewhere, and before EHLO nobody was told that it exists.
  'BDAT 2\r\n': {
    connected: [503, 'closing'],
    ready: [503, 'ready'],
    sender: [503, 'sender'],
    envelope: [250, 'chunks'],
    chunks: [250, 'chunks'],
  },
  'BDAT 2 LAST\r\n': {
    connected: [503, 'closing'],
    ready: [503, 'ready'],
    sender: [503, 'sender'],
    envelope: [250, 'ready'],
    chunks: [250, 'ready'],
  },
  // 4.1.1.5: "no effect" before EHLO, otherwise back to the state behind it.
  RSET: {
    connected: [250, 'connected'],
    ready: [250, 'ready'],
    sender: [250, 'ready'],
    envelope: [250, 'ready'],
    chunks: [250, 'ready'],
  },
  // 4.1.4: "NOOP, HELP, EXPN, VRFY, and RSET ... can be used at any time".
  NOOP: {
    connected: [250, 'connected'],
    ready: [250, 'ready'],
    sender: [250, 'sender'],
    envelope: [250, 'envelope'],
    chunks: [250, 'chunks'],
  },
  'VRFY b@x.example': {
    connected: [252, 'connected'],
    ready: [252, 'ready'],
    sender: [252, 'sender'],
    envelope: [252, 'envelope'],
    chunks: [252, 'chunks'],
  },
  HELP: {
    connected: [214, 'connected'],
    ready: [214, 'ready'],
    sender: [214, 'sender'],
    envelope: [214, 'envelope'],
    chunks: [214, 'chunks'],
  },
  // 4.1.1.10: at any time.
  QUIT: {
    connected: [221, 'closing'],
    ready: [221, 'closing'],
    sender: [221, 'closing'],
    envelope: [221, 'closing'],
    chunks: [221, 'closing'],
  },
};

/** A state shows in what four commands answer there, each asked on a session of its own. */
const SIGNS: Readonly<Record<State, string>> = {
  connected: 'MAIL 503, RCPT 503, DATA 503, BDAT 503',
  ready: 'MAIL 250, RCPT 503, DATA 503, BDAT 503',
  sender: 'MAIL 503, RCPT 250, DATA 503, BDAT 503',
  envelope: 'MAIL 503, RCPT 250, DATA 354, BDAT 250',
  chunks: 'MAIL 503, RCPT 503, DATA 503, BDAT 250',
};
const PROBES = ['MAIL FROM:<probe@x.example>', 'RCPT TO:<probe@x.example>', 'DATA', 'BDAT 2 LAST\r\n'];

function verbOf(line: string): string {
  return line.startsWith('BDAT') ? line.trim() : line.split(' ', 1)[0]!;
}

async function arrive(state: State, then?: string): Promise<{ client: Client; code: number }> {
  const client = await new Scene().greeted();
  for (const line of WAY[state]) expect(await client.say(line)).to.match(/^250[ -]/);
  const code = then === undefined ? 0 : Number((await client.say(then)).slice(0, 3));
  return { client, code };
}

async function signOf(state: State, line: string): Promise<string> {
  const answers: string[] = [];
  for (const probe of PROBES) {
    const { client } = await arrive(state, line);
    answers.push(`${probe.slice(0, 4)} ${(await client.say(probe)).slice(0, 3)}`);
  }
  return answers.join(', ');
}

describe('the verbs and the states', () => {
  it('tells its states apart: the probes themselves', async () => {
    for (const state of STATES) expect(await signOf(state, 'NOOP')).to.equal(SIGNS[state]);
  });

  for (const [line, row] of Object.entries(MATRIX)) {
    for (const state of STATES) {
      const [code, next] = row[state];
      it(`${verbOf(line)} in '${state}' answers ${code} and leads to '${next}'`, async () => {
        const { client, code: answered } = await arrive(state, line);
        expect(answered).to.equal(code);
        if (next === 'closing') {
          client.send('NOOP\r\n');
          expect(await client.rest()).to.deep.equal([]);
        } else if (next === 'content') {
          expect(await client.say('NOOP\r\n.')).to.match(/^250 2\.0\.0 Ok: queued as /);
        } else expect(await signOf(state, line)).to.equal(SIGNS[next]);
      });
    }
  }

  for (const line of Object.keys(MATRIX)) {
    it(`${verbOf(line)} in 'content' is a line of the message`, async () => {
      const scene = new Scene();
      const client = await scene.inData();
      expect(await client.say(`${line}\r\n.`)).to.match(/^250 2\.0\.0 Ok: queued as /);
      expect(scene.bodies).to.deep.equal([`${line}\r\n`]);
      expect(await client.codes('MAIL FROM:<next@x.example>')).to.deep.equal(['250']);
    });
  }

  it('DATA behind refused recipients only answers 554, and the transaction can go on', async () => {
    const scene = new Scene({
      route: (address) =>
        address.startsWith('no') ? { code: 550, status: '5.1.1', text: 'Nobody of that name' } : 'relay',
    });
    const client = await scene.greeted();
    const lines = ['HELO c', 'MAIL FROM:<a@x.example>', 'RCPT TO:<no@x.example>', 'DATA', 'RCPT TO:<b@x.example>'];
    expect(await client.codes(...lines, 'DATA')).to.deep.equal(['250', '250', '550', '554', '250', '354']);
  });
});

describe('verbs that are no command here', () => {
  const UNKNOWN = [
    'FROB',
    'MAILX FROM:<a@x>',
    'EHLOO c',
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    '.',
  ];
  for (const state of STATES) {
    for (const line of UNKNOWN) {
      it(`${line} in '${state}' answers 500 and changes nothing`, async () => {
        const { client } = await arrive(state);
        expect(await client.say(line)).to.match(/^500 5\.5\.2 /);
        expect(await signOf(state, line)).to.equal(SIGNS[state]);
      });
    }
    for (const verb of ['EXPN', 'TURN', 'SEND', 'SOML', 'SAML', 'expn']) {
      it(`${verb} in '${state}' answers 502 and changes nothing`, async () => {
        const { client } = await arrive(state);
        expect(await client.say(`${verb} list`)).to.match(/^502 5\.5\.1 /);
        expect(await signOf(state, `${verb} list`)).to.equal(SIGNS[state]);
      });
    }
  }

  it('knows no other 502 than those of RFC 5321 and its forebears', () => {
    expect([...NOT_IMPLEMENTED].sort()).to.deep.equal(['EXPN', 'SAML', 'SEND', 'SOML', 'TURN']);
  });

  for (const verb of ['GET', 'POST', 'PUT', 'HEAD', 'OPTIONS', 'DELETE', 'PATCH', 'CONNECT', 'get']) {
    it(`${verb} is told that this is not HTTP, and the connection ends`, async () => {
      expect(NOT_SMTP.has(verb.toUpperCase())).to.equal(true);
      const { client } = await arrive('connected');
      client.send(`${verb} / HTTP/1.1\r\nHost: mx.example\r\n\r\nMAIL FROM:<a@x.example>\r\n`);
      const [only, ...more] = await client.rest();
      expect(only).to.match(/^421 4\.7\.0 /);
      expect(more).to.deep.equal([]);
    });
  }
});
