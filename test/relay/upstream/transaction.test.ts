// What is sent to an upstream that offers this and not that: written by hand from the RFCs of the extensions, one row a
// rule.
import { expect } from 'chai';
import type { Envelope } from '../../../relay/upstream/courier.ts';
import { type Peer, planTransaction } from '../../../relay/upstream/transaction.ts';

const ALL = ['SMTPUTF8', '8BITMIME', 'SIZE 1000', 'DSN', 'REQUIRETLS', 'PIPELINING'];

function peer(offers: readonly string[], changes: Partial<Peer> = {}): Peer {
  const known = new Map(
    offers.map((offer) => offer.split(' ') as [string, string?]).map(([key, value = '']) => [key, value]),
  );
  return { offers: known, isVerified: true, eightBit: 'bounce', ...changes };
}

function envelope(changes: Partial<Envelope> = {}): Envelope {
  return {
    sender: 'a@x.example',
    recipients: [{ address: 'b@x.example', parameters: [] }],
    size: 100,
    parameters: [],
    traits: [],
    ...changes,
  };
}

const NOTIFY = ['NOTIFY', 'SUCCESS,DELAY'] as const;
const ORCPT = ['ORCPT', 'rfc822;B+2Bx@x.example'] as const;

describe('planTransaction', () => {
  const COMMANDS: readonly [
    title: string,
    changes: Partial<Envelope>,
    offers: readonly string[],
    lines: readonly string[],
  ][] = [
    ['nothing offered', {}, [], ['MAIL FROM:<a@x.example>', 'RCPT TO:<b@x.example>']],
    ['the null sender', { sender: '' }, [], ['MAIL FROM:<>', 'RCPT TO:<b@x.example>']],
    ['SIZE', {}, ['SIZE 1000'], ['MAIL FROM:<a@x.example> SIZE=100', 'RCPT TO:<b@x.example>']],
    ['SIZE without a limit', {}, ['SIZE'], ['MAIL FROM:<a@x.example> SIZE=100', 'RCPT TO:<b@x.example>']],
    ['SIZE 0, which is no limit', { size: 5 }, ['SIZE 0'], ['MAIL FROM:<a@x.example> SIZE=5', 'RCPT TO:<b@x.example>']],
    [
      'plain mail where everything is offered',
      {},
      ['SMTPUTF8', '8BITMIME', 'DSN', 'REQUIRETLS'],
      ['MAIL FROM:<a@x.example>', 'RCPT TO:<b@x.example>'],
    ],
    [
      'BODY=8BITMIME as it came',
      { parameters: [['BODY', '8bitmime']] },
      ['8BITMIME'],
      ['MAIL FROM:<a@x.example> BODY=8BITMIME', 'RCPT TO:<b@x.example>'],
    ],
    [
      '8-bit bytes that nobody announced',
      { traits: ['eight-bit'] },
      ['8BITMIME'],
      ['MAIL FROM:<a@x.example> BODY=8BITMIME', 'RCPT TO:<b@x.example>'],
    ],
    [
      'BODY=8BITMIME of a text that is ASCII, to who does not offer it',
      { parameters: [['BODY', '8BITMIME']] },
      [],
      ['MAIL FROM:<a@x.example>', 'RCPT TO:<b@x.example>'],
    ],
    [
      'SMTPUTF8 as it came',
      { parameters: [['SMTPUTF8', '']] },
      ['SMTPUTF8'],
      ['MAIL FROM:<a@x.example> SMTPUTF8', 'RCPT TO:<b@x.example>'],
    ],
    [
      'SMTPUTF8 that nothing needs, to who does not offer it',
      { parameters: [['SMTPUTF8', '']] },
      [],
      ['MAIL FROM:<a@x.example>', 'RCPT TO:<b@x.example>'],
    ],
    [
      'a header in UTF-8 that nobody announced',
      { traits: ['utf8-header'] },
      ['SMTPUTF8'],
      ['MAIL FROM:<a@x.example> SMTPUTF8', 'RCPT TO:<b@x.example>'],
    ],
    [
      'addresses in UTF-8',
      { sender: 'ä@x.example', recipients: [{ address: 'ö@x.example', parameters: [] }] },
      ['SMTPUTF8'],
      ['MAIL FROM:<ä@x.example> SMTPUTF8', 'RCPT TO:<ö@x.example>'],
    ],
    [
      'DSN',
      {
        parameters: [
          ['RET', 'HDRS'],
          ['ENVID', 'QQ+2B314'],
        ],
        recipients: [{ address: 'b@x.example', parameters: [NOTIFY, ORCPT] }],
      },
      ['DSN'],
      [
        'MAIL FROM:<a@x.example> RET=HDRS ENVID=QQ+2B314',
        'RCPT TO:<b@x.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;B+2Bx@x.example',
      ],
    ],
    [
      'DSN to who does not offer it',
      {
        parameters: [
          ['RET', 'HDRS'],
          ['ENVID', 'QQ314'],
        ],
        recipients: [{ address: 'b@x.example', parameters: [NOTIFY, ORCPT] }],
      },
      [],
      ['MAIL FROM:<a@x.example>', 'RCPT TO:<b@x.example>'],
    ],
    [
      'each recipient its own DSN',
      {
        recipients: [
          { address: 'b@x.example', parameters: [['NOTIFY', 'NEVER']] },
          { address: 'c@x.example', parameters: [] },
          { address: 'd@x.example', parameters: [NOTIFY] },
        ],
      },
      ['DSN'],
      [
        'MAIL FROM:<a@x.example>',
        'RCPT TO:<b@x.example> NOTIFY=NEVER',
        'RCPT TO:<c@x.example>',
        'RCPT TO:<d@x.example> NOTIFY=SUCCESS,DELAY',
      ],
    ],
    [
      'ORCPT in UTF-8 to who does not offer SMTPUTF8',
      { recipients: [{ address: 'b@x.example', parameters: [['ORCPT', 'utf-8;ä@x.example'], NOTIFY] }] },
      ['DSN'],
      ['MAIL FROM:<a@x.example>', 'RCPT TO:<b@x.example> NOTIFY=SUCCESS,DELAY'],
    ],
    [
      'REQUIRETLS',
      { parameters: [['REQUIRETLS', '']] },
      ['REQUIRETLS'],
      ['MAIL FROM:<a@x.example> REQUIRETLS', 'RCPT TO:<b@x.example>'],
    ],
    [
      'everything at once',
      {
        traits: ['eight-bit', 'utf8-header'],
        parameters: [
          ['BODY', '8BITMIME'],
          ['SMTPUTF8', ''],
          ['RET', 'FULL'],
          ['REQUIRETLS', ''],
          ['AUTH', '<>'],
          ['SIZE', '7'],
        ],
      },
      ALL,
      ['MAIL FROM:<a@x.example> SMTPUTF8 BODY=8BITMIME SIZE=100 RET=FULL REQUIRETLS', 'RCPT TO:<b@x.example>'],
    ],
    [
      'a recipient that stands there twice',
      {
        recipients: [
          { address: 'b@x.example', parameters: [] },
          { address: 'b@x.example', parameters: [] },
        ],
      },
      [],
      ['MAIL FROM:<a@x.example>', 'RCPT TO:<b@x.example>'],
    ],
    [
      'parameters that would break the command',
      {
        parameters: [
          ['ENVID', 'x\r\nDATA'],
          ['RET', ''],
        ],
        recipients: [{ address: 'b@x.example', parameters: [['ORCPT', 'rfc822;a b']] }],
      },
      ['DSN'],
      ['MAIL FROM:<a@x.example>', 'RCPT TO:<b@x.example>'],
    ],
  ];
  for (const [title, changes, offers, lines] of COMMANDS) {
    it(title, () => {
      const { mail, rcpt, fates } = planTransaction(envelope(changes), peer(offers));
      expect([mail, ...rcpt]).to.deep.equal(lines);
      expect(fates.every((fate) => typeof fate === 'number')).to.equal(true);
    });
  }

  const REFUSED: readonly [title: string, changes: Partial<Envelope>, peer: Peer, status: string, says: RegExp][] = [
    ['R9 more than SIZE says', { size: 1001 }, peer(['SIZE 1000']), '5.3.4', /1001 bytes.* 1000/],
    ['R8 8-bit bytes', { traits: ['eight-bit'] }, peer([]), '5.6.3', /8BITMIME/],
    ['R8 the header is UTF-8', { traits: ['utf8-header'] }, peer(['8BITMIME']), '5.6.7', /header.*SMTPUTF8/],
    ['R8 the sender is UTF-8', { sender: 'ä@x.example' }, peer(['8BITMIME']), '5.6.7', /sender.*SMTPUTF8/],
    ['B16 binary content', { traits: ['binary'] }, peer([...ALL, 'BINARYMIME']), '5.6.3', /binary/],
    [
      'T15 REQUIRETLS that is not offered',
      { parameters: [['REQUIRETLS', '']] },
      peer(['DSN']),
      '5.7.30',
      /does not offer/,
    ],
    [
      'T15 REQUIRETLS without a certificate that holds',
      { parameters: [['REQUIRETLS', '']] },
      peer(['REQUIRETLS'], { isVerified: false }),
      '5.7.30',
      /certificate/,
    ],
    ['a sender with a line end in it', { sender: 'a\r\n@x.example' }, peer(ALL), '5.1.7', /sender/],
    [
      'a recipient with a line end in it',
      { recipients: [{ address: 'b\r\nDATA', parameters: [] }] },
      peer(ALL),
      '5.1.3',
      /address/,
    ],
  ];
  for (const [title, changes, other, status, says] of REFUSED) {
    it(`fails ${title}, without a word to the other side`, () => {
      const { rcpt, fates } = planTransaction(envelope(changes), other);
      expect(rcpt).to.deep.equal([]);
      expect(fates).to.have.length(1);
      expect(fates[0]).to.include({ fate: 'failed', status });
      expect((fates[0] as { reply: string }).reply)
        .to.match(says)
        .and.match(new RegExp(`^${status} `));
    });
  }

  it('R8 fails only the recipient whose address cannot be written there', () => {
    const recipients = ['b@x.example', 'ö@x.example', 'c@x.example'].map((address) => ({ address, parameters: [] }));
    const { rcpt, fates } = planTransaction(envelope({ recipients }), peer([]));
    expect(rcpt).to.deep.equal(['RCPT TO:<b@x.example>', 'RCPT TO:<c@x.example>']);
    expect([fates[0], fates[2]]).to.deep.equal([0, 1]);
    expect(fates[1]).to.include({ fate: 'failed', status: '5.6.7' });
  });

  it('sends 8-bit bytes as they are where that was asked for', () => {
    const { mail, rcpt } = planTransaction(envelope({ traits: ['eight-bit'] }), peer([], { eightBit: 'send' }));
    expect([mail, ...rcpt]).to.deep.equal(['MAIL FROM:<a@x.example>', 'RCPT TO:<b@x.example>']);
  });

  it('knows whose NOTIFY was taken over', () => {
    const recipients = [
      { address: 'b@x.example', parameters: [ORCPT] },
      { address: 'c@x.example', parameters: [NOTIFY] },
    ];
    expect(planTransaction(envelope({ recipients }), peer(['DSN'])).notified).to.deep.equal([false, true]);
    expect(planTransaction(envelope({ recipients }), peer([])).notified).to.deep.equal([false, false]);
  });
});
