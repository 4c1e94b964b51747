// Bounces, delay notices and success reports: who gets one, what stands in it, and that a stranger's mail reader
// understands it.
import { expect } from 'chai';
import type { Claim, ClaimedRecipient, Parameter } from '../../../relay/store/store.ts';
import type { Outcome } from '../../../relay/upstream/outcome.ts';
import {
  claimOf,
  NOBODY,
  NOW,
  NoticeBoard,
  notify,
  ORIGINAL,
  type ReadPart,
  readMail,
  recipientOf,
  resultsOf,
  statusOf,
} from '../support/notices.ts';

const HOUR = 3_600_000;
const LATER: Outcome = { fate: 'deferred', reply: '451 4.3.0 later', status: '4.3.0', remote: true };
const DONE: Outcome = { fate: 'delivered', reply: '250 2.0.0 Ok', status: '2.0.0', remote: true };
const OLD = { since: NOW - 5 * HOUR };

/** The one notice about these, as a mail reader sees it. */
async function noticeOf(claim: Claim, ...outcomes: Outcome[]): Promise<ReadPart> {
  const notices = await new NoticeBoard().for(claim, resultsOf(claim, ...outcomes));
  expect(notices.length).to.equal(1);
  return readMail(notices[0]!.content);
}

describe('Notices', () => {
  it('tell the sender what became of each failed recipient, in words and for programs', async () => {
    const board = new NoticeBoard();
    const claim = claimOf(
      [
        recipientOf('b@y.example', {
          recipientId: 1,
          fence: 7,
          parameters: [['ORCPT', 'rfc822;B+2BNews@old.example']],
        }),
        recipientOf('c@y.example', { recipientId: 2 }),
        recipientOf('d@y.example', { recipientId: 3 }),
      ],
      { parameters: [['ENVID', 'QQ+2B314']] },
    );
    const local: Outcome = { fate: 'failed', reply: '5.3.4 larger than it takes', status: '5.3.4' };
    const [notice, ...others] = await board.for(claim, resultsOf(claim, NOBODY, DONE, local));
    expect(others).to.deep.equal([]);
    expect(notice!.about).to.deep.equal([
      { recipientId: 1, fence: 7 },
      { recipientId: 3, fence: 1 },
    ]);
    const { content: _, ...rest } = notice!;
    expect(rest.message).to.deep.equal({
      receivedAt: NOW,
      sender: '',
      parameters: [],
      helo: 'mx.example',
      clientAddress: '',
      protocol: 'local',
      tls: '',
      authUser: '',
      traits: [],
      recipients: [{ address: 'a@x.example', parameters: [], route: 'relay' }],
    });
    const mail = readMail(notice!.content);
    expect(mail.type).to.equal('multipart/report');
    expect(mail.fields).to.deep.equal({
      Date: 'Sun, 22 Nov 2026 09:00:00 +0000',
      From: 'Mail Delivery System <MAILER-DAEMON@mx.example>',
      To: 'a@x.example',
      Subject: 'Your mail could not be delivered',
      'Message-ID': `<${notice!.id}@mx.example>`,
      'In-Reply-To': '<1@x.example>',
      References: '<1@x.example>',
      'Auto-Submitted': 'auto-replied',
      'MIME-Version': '1.0',
      'Content-Type': `multipart/report; report-type="delivery-status"; boundary="=_${notice!.id}"`,
    });
    expect(mail.parts.map(({ type }) => type)).to.deep.equal([
      'text/plain',
      'message/delivery-status',
      'message/rfc822',
    ]);
    expect(mail.parts[0]!.text).to.include('<b@y.example>\r\n    up.example said: 550 5.1.1 nobody\r\n');
    expect(mail.parts[0]!.text).to.include('<d@y.example>\r\n    5.3.4 larger than it takes\r\n');
    expect(mail.parts[0]!.text).to.not.include('c@y.example');
    expect(statusOf(mail)).to.deep.equal([
      {
        'Reporting-MTA': 'dns; mx.example',
        'Original-Envelope-Id': 'QQ+314',
        'Arrival-Date': 'Sun, 22 Nov 2026 08:00:00 +0000',
      },
      {
        'Original-Recipient': 'rfc822; B+News@old.example',
        'Final-Recipient': 'rfc822; b@y.example',
        Action: 'failed',
        Status: '5.1.1',
        'Remote-MTA': 'dns; up.example',
        'Diagnostic-Code': 'smtp; 550 5.1.1 nobody',
        'Last-Attempt-Date': 'Sun, 22 Nov 2026 09:00:00 +0000',
      },
      {
        'Final-Recipient': 'rfc822; d@y.example',
        Action: 'failed',
        Status: '5.3.4',
        'Diagnostic-Code': 'x-lonedot; 5.3.4 larger than it takes',
        'Last-Attempt-Date': 'Sun, 22 Nov 2026 09:00:00 +0000',
      },
    ]);
    expect(mail.parts[2]!.parts[0]!.fields).to.deep.equal({
      'Message-ID': '<1@x.example>',
      From: 'a@x.example',
      Subject: 't',
    });
    expect(mail.parts[2]!.parts[0]!.text).to.equal('Hello\r\n');
  });

  it('tell of a mail that expired what was said last, and that it is given up', async () => {
    const claim = claimOf([recipientOf('b@y.example', { since: NOW - 6 * 24 * HOUR })]);
    const mail = await noticeOf(claim, LATER);
    expect(statusOf(mail)[1]).to.include({
      Action: 'failed',
      Status: '4.4.7',
      'Diagnostic-Code': 'smtp; 451 4.3.0 later',
    });
    expect(mail.parts[0]!.text).to.match(/451 4\.3\.0 later\r\n {4}It was tried for as long/);
  });

  it('tell of a delay how long it will be tried, and return the header alone', async () => {
    const claim = claimOf([recipientOf('b@y.example', OLD)], { parameters: [['RET', 'FULL']] });
    const mail = await noticeOf(claim, LATER);
    expect(mail.fields['Subject']).to.equal('Your mail is delayed');
    expect(statusOf(mail)[1]).to.deep.equal({
      'Final-Recipient': 'rfc822; b@y.example',
      Action: 'delayed',
      Status: '4.3.0',
      'Remote-MTA': 'dns; up.example',
      'Diagnostic-Code': 'smtp; 451 4.3.0 later',
      'Last-Attempt-Date': 'Sun, 22 Nov 2026 09:00:00 +0000',
      'Will-Retry-Until': 'Fri, 27 Nov 2026 04:00:00 +0000',
    });
    expect(mail.parts[0]!.text).to.include('Fri, 27 Nov 2026 04:00:00 +0000.');
    expect(mail.parts[2]!.type).to.equal('text/rfc822-headers');
    expect(mail.parts[2]!.text).to.equal(`${ORIGINAL.split('\r\n\r\n')[0]}\r\n`);
  });

  it('tell of a mail that was passed on to a server without DSN', async () => {
    const claim = claimOf([recipientOf('b@y.example', notify('SUCCESS'))]);
    const mail = await noticeOf(claim, DONE);
    expect(mail.fields['Subject']).to.equal('Your mail was passed on');
    expect(statusOf(mail)[1]).to.include({ Action: 'relayed', Status: '2.0.0' });
  });

  const WANTED: readonly [what: string, recipient: Partial<ClaimedRecipient>, outcome: Outcome, told: string | null][] =
    [
      ['a failure, without a NOTIFY', {}, NOBODY, 'failed'],
      ['a failure, asked for', notify('FAILURE'), NOBODY, 'failed'],
      ['a failure, asked for among others', notify('success,Failure'), NOBODY, 'failed'],
      ['a failure, not asked for', notify('SUCCESS,DELAY'), NOBODY, null],
      ['a failure, with NEVER', notify('NEVER'), NOBODY, null],
      ['a success, without a NOTIFY', {}, DONE, null],
      ['a success, asked for', notify('SUCCESS,FAILURE'), DONE, 'relayed'],
      ['a success that the next hop reports', notify('SUCCESS'), { ...DONE, dsn: true }, null],
      ['a success, with NEVER', notify('NEVER'), DONE, null],
      ['a delay that is long, without a NOTIFY', OLD, LATER, 'delayed'],
      ['a delay that is short', {}, LATER, null],
      ['a delay that was told', { ...OLD, delayNotified: true }, LATER, null],
      ['a delay, asked for', { ...OLD, ...notify('DELAY') }, LATER, 'delayed'],
      ['a delay, not asked for', { ...OLD, ...notify('FAILURE') }, LATER, null],
      ['a delay, with NEVER', { ...OLD, ...notify('NEVER') }, LATER, null],
      ['an end without an answer, when it is old', OLD, { fate: 'unknown', reply: 'closed' }, 'delayed'],
    ];
  for (const [what, changes, outcome, told] of WANTED) {
    it(`${told === null ? 'say nothing of' : `say "${told}" of`} ${what}`, async () => {
      const claim = claimOf([recipientOf('b@y.example', changes)]);
      const results = resultsOf(claim, outcome);
      const notices = await new NoticeBoard().for(claim, results);
      expect(notices.length).to.equal(told === null ? 0 : 1);
      expect(results[0]!.settlement.delayNotified ?? false).to.equal(told === 'delayed');
      if (told !== null) expect(notices[0]!.content.toString('latin1')).to.include(`\r\nAction: ${told}\r\n`);
    });
  }

  for (const [what, changes, outcome] of [
    ['failure', {}, NOBODY],
    ['delay', OLD, LATER],
    ['success', notify('SUCCESS'), DONE],
  ] as const) {
    it(`R3 never tell anybody of a ${what} of mail without a sender`, async () => {
      const board = new NoticeBoard();
      const claim = claimOf([recipientOf('b@y.example', changes)], { sender: '' });
      const results = resultsOf(claim, outcome);
      expect(await board.for(claim, results)).to.deep.equal([]);
      expect(results[0]!.settlement.delayNotified).to.equal(undefined);
      expect(board.log.levels('notice.dropped')).to.deep.equal(what === 'failure' ? ['warn'] : []);
    });
  }

  it('go where routes say that mail to the sender goes', async () => {
    const claim = claimOf([recipientOf('b@y.example')]);
    const [captured] = await new NoticeBoard({ rules: ['<>>@x.example=capture'] }).for(claim, resultsOf(claim, NOBODY));
    expect(captured!.message.recipients).to.deep.equal([{ address: 'a@x.example', parameters: [], route: 'capture' }]);
    for (const rule of ['<>>*=discard', '@x.example=reject']) {
      const board = new NoticeBoard({ rules: [rule] });
      expect(await board.for(claim, resultsOf(claim, NOBODY))).to.deep.equal([]);
      expect(board.log.of('notice.dropped').length).to.equal(1);
    }
  });

  it('are no more than so many to one sender in an hour', async () => {
    const board = new NoticeBoard({ perHour: 3 });
    const claim = claimOf([recipientOf('b@y.example')]);
    const other = claimOf([recipientOf('b@y.example')], { sender: 'other@x.example' });
    const send = async (about: Claim) => (await board.for(about, resultsOf(about, NOBODY))).length;
    expect([await send(claim), await send(claim), await send(claim), await send(claim)]).to.deep.equal([1, 1, 1, 0]);
    expect(await send(other)).to.equal(1);
    expect(board.log.of('notice.dropped')[0]!.fields).to.include({ sender: 'a@x.example' });
    board.clock.advance(HOUR - 1);
    expect(await send(claim)).to.equal(0);
    board.clock.advance(1);
    expect(await send(claim)).to.equal(1);
  });

  it('come from the address that the operator gave', async () => {
    const claim = claimOf([recipientOf('b@y.example')]);
    const [notice] = await new NoticeBoard({ from: 'post@x.example' }).for(claim, resultsOf(claim, NOBODY));
    expect(readMail(notice!.content).fields['From']).to.equal('Mail Delivery System <post@x.example>');
  });

  it('tell of a thousand recipients in notices that each fit, and of none twice', async () => {
    const long = `550 5.1.1 ${'no such user here '.repeat(27)}`.trim();
    const recipients = Array.from({ length: 1000 }, (_, i) =>
      recipientOf(`${'r'.repeat(60)}${i}@${'y'.repeat(60)}.example`, { recipientId: i }),
    );
    const claim = claimOf(recipients, { content: Buffer.from(`${ORIGINAL}${'x'.repeat(70)}\r\n`.repeat(600)) });
    const notices = await new NoticeBoard({ perHour: 1000 }).for(claim, resultsOf(claim, { ...NOBODY, reply: long }));
    expect(notices.flatMap(({ about }) => about.map(({ recipientId }) => recipientId))).to.deep.equal(
      recipients.map((_, i) => i),
    );
    for (const { content } of notices) expect(content.length).to.be.at.most(65_536);
    expect(statusOf(readMail(notices[0]!.content)).length).to.equal(notices[0]!.about.length + 1);
  }).timeout(30_000);

  describe('and what strangers said', () => {
    it('cannot break out of its line', async () => {
      const evil = '550 5.1.1 no\r\nStatus: 2.0.0\r\n\r\n--=_N000000000000000000001--\x1b[2J\u202e\0 end';
      const claim = claimOf([recipientOf('b@y.example', notify('FAILURE', 'rfc822;x+0D+0AAction:+20delivered'))], {
        parameters: [['ENVID', 'a+0D+0AFinal-Recipient:+20x']],
      });
      const mail = await noticeOf(claim, { ...NOBODY, reply: evil });
      const [message, recipient, ...more] = statusOf(mail);
      expect(more).to.deep.equal([]);
      expect(message!['Original-Envelope-Id']).to.equal('a Final-Recipient: x');
      expect(recipient!['Original-Recipient']).to.equal('rfc822; x Action: delivered');
      expect(recipient!['Status']).to.equal('5.1.1');
      expect(recipient!['Diagnostic-Code']).to.match(/^smtp; 550 5\.1\.1 no Status: 2\.0\.0 --=_N/);
      expect(mail.parts.length).to.equal(3);
    });

    it('is folded, however long it is', async () => {
      for (const reply of [`550 ${'word '.repeat(400)}`.trim(), `550 ${'x'.repeat(5000)}`]) {
        const mail = await noticeOf(claimOf([recipientOf('b@y.example')]), { ...NOBODY, reply });
        expect(statusOf(mail)[1]!['Diagnostic-Code']!.replaceAll(' ', '')).to.equal(
          `smtp;${reply}`.replaceAll(' ', ''),
        );
      }
    });

    const NAMES: readonly [host: string, remote: string | undefined][] = [
      ['up.example', 'dns; up.example'],
      ['192.0.2.1', 'dns; [192.0.2.1]'],
      ['/run/lmtp.sock', undefined],
    ];
    for (const [host, remote] of NAMES) {
      it(`names ${host} as the server that said it as far as that means anything elsewhere`, async () => {
        const claim = claimOf([recipientOf('b@y.example')]);
        const results = resultsOf(claim, NOBODY).map((one) => ({ ...one, host }));
        const [notice] = await new NoticeBoard().for(claim, results);
        expect(statusOf(readMail(notice!.content))[1]!['Remote-MTA']).to.equal(remote);
      });
    }
  });

  describe('in UTF-8', () => {
    it('hold addresses that are not ASCII as RFC 6533 wants them', async () => {
      const board = new NoticeBoard();
      const orcpt = 'utf-8;\\x{F6}+2B@y.example';
      const claim = claimOf([recipientOf('ö@y.example', { parameters: [['ORCPT', orcpt]] })], {
        sender: 'ä@x.example',
        parameters: [['SMTPUTF8', '']],
        content: Buffer.from('From: ä@x.example\r\nSubject: ü\r\n\r\nHällo\r\n'),
      });
      const [notice] = await board.for(claim, resultsOf(claim, { ...NOBODY, reply: '550 5.1.1 nicht für uns' }));
      expect(notice!.message.parameters).to.deep.equal([['SMTPUTF8', '']]);
      expect(notice!.message.traits).to.deep.equal(['utf8-header']);
      const mail = readMail(notice!.content);
      expect(mail.parts[0]!.text).to.include('<ö@y.example>\r\n    up.example said: 550 5.1.1 nicht für uns');
      expect(statusOf(mail)[1]).to.include({
        'Original-Recipient': 'utf-8; ö+@y.example',
        'Final-Recipient': 'utf-8; ö@y.example',
        'Diagnostic-Code': 'smtp; 550 5.1.1 nicht für uns',
      });
      expect(mail.parts[2]!.type).to.equal('application/global');
      expect(mail.parts[2]!.text).to.equal(claim.content!.toString());
      expect(/[^\r\n -~]/.exec(notice!.content.toString('utf8').replace('ä', '')), 'all but the To field').to.equal(
        null,
      );
    });

    it('write a reply that is not ASCII with question marks where the addresses are', async () => {
      const mail = await noticeOf(claimOf([recipientOf('b@y.example')]), { ...NOBODY, reply: '550 für uns' });
      expect(mail.parts[1]!.type).to.equal('message/delivery-status');
      expect(statusOf(mail)[1]!['Diagnostic-Code']).to.equal('smtp; 550 f?r uns');
      expect(mail.parts[0]!.text).to.include('550 für uns');
    });
  });

  describe('and the message that they return', () => {
    const BODY = `${'x'.repeat(70)}\r\n`;
    const of = (content: Buffer | string, parameters: Parameter[] = []): Claim => {
      const bytes = Buffer.isBuffer(content) ? content : Buffer.from(content, 'latin1');
      return claimOf([recipientOf('b@y.example')], { content: bytes, parameters });
    };
    const RET = (value: string): Parameter[] => [['RET', value]];
    const FULL = 'message/rfc822';
    const HEADERS = 'text/rfc822-headers';
    const RETURNED: readonly [what: string, claim: Claim, type: string | undefined, outcome?: Outcome][] = [
      ['whole when it is short', of(ORIGINAL), FULL],
      ['whole when that is asked for', of(ORIGINAL, RET('FULL')), FULL],
      ['its header when that is asked for', of(ORIGINAL, RET('HDRS')), HEADERS],
      ['its header when it is long', of(ORIGINAL + BODY.repeat(1000)), HEADERS],
      ['its header when it is long, whatever is asked for', of(ORIGINAL + BODY.repeat(1000), RET('FULL')), HEADERS],
      ['whole when it is just as long as may be', of(`${ORIGINAL.padEnd(50_000 - 2, BODY)}\r\n`), FULL],
      ['its header when it is one byte longer', of(`${ORIGINAL.padEnd(50_001 - 2, BODY)}\r\n`), HEADERS],
      ['its header when a line is too long', of(`${ORIGINAL}${'x'.repeat(999)}\r\n`), HEADERS],
      ['whole when a line is just not', of(`${ORIGINAL}${'x'.repeat(998)}\r\n`), FULL],
      ['its header when there is a bare LF', of(`${ORIGINAL}x\ny\r\n`), HEADERS],
      ['its header when there is a bare CR', of(`${ORIGINAL}x\ry\r\n`), HEADERS],
      ['its header when there is a NUL', of(`${ORIGINAL}\0\r\n`), HEADERS],
      ['whole when it is 8-bit', of(`${ORIGINAL}\xe4\r\n`), FULL],
      [
        'its header when 8-bit bytes were what failed',
        of(`${ORIGINAL}\xe4\r\n`),
        HEADERS,
        { fate: 'failed', reply: '5.6.3 8BITMIME is not offered', status: '5.6.3' },
      ],
      ['in UTF-8 when its header is', of(Buffer.from(`Subject: ü\r\n\r\n${BODY}`)), 'application/global'],
      ['its UTF-8 header', of(Buffer.from(`Subject: ü\r\n\r\n${BODY}`), RET('HDRS')), 'application/global-headers'],
      ['a header that is neither ASCII nor UTF-8, crossed out', of('Subject: \xfc\r\n\r\nx\r\n'), HEADERS],
      ['nothing, when only TLS may carry it', of(ORIGINAL, [['REQUIRETLS', '']]), undefined],
      ['an empty one', of(''), FULL],
      ['one without a header', of('\r\nbody\r\n'), FULL],
      ['one that is all header', of('Subject: t\r\n'), FULL],
      ['a header with a line that is too long', of(`Subject: ${'x'.repeat(3000)}\r\n\r\nx\r\n`), HEADERS],
      ['a header that is longer than can be returned', of(`Subject: ${'x '.repeat(60)}\r\n`.repeat(2000)), HEADERS],
      ['one that holds a boundary like ours', of(`${ORIGINAL}--=_N000000000000000000009--\r\n`), FULL],
    ];
    for (const [what, claim, type, outcome] of RETURNED) {
      it(`is ${what}`, async () => {
        const [notice] = await new NoticeBoard().for(claim, resultsOf(claim, outcome ?? NOBODY));
        const mail = readMail(notice!.content);
        expect(mail.parts[2]?.type).to.equal(type);
        const isEightBit = /[^\0-\x7f]/.test(notice!.content.toString('latin1'));
        expect(notice!.message.traits).to.deep.equal(isEightBit ? ['eight-bit'] : []);
        expect(notice!.message.parameters).to.deep.equal(isEightBit ? [['BODY', '8BITMIME']] : []);
        expect(mail.encoding).to.equal(isEightBit ? '8bit' : null);
        if (type === FULL) expect(notice!.content.includes(claim.content!)).to.equal(true);
        if (type === 'application/global') expect(mail.parts[2]!.text).to.equal(claim.content!.toString());
        if (type?.endsWith('headers')) expect(mail.parts[2]!.text).to.match(/^(Message-ID: <1@x|Subject: )/);
      });
    }

    it('is read from the store when it is long, and no further than it is returned', async () => {
      const board = new NoticeBoard();
      let read = 0;
      const pieces = Array.from({ length: 1000 }, () => Buffer.from(BODY.repeat(900)));
      board.stored = (function* () {
        for (const piece of [Buffer.from(ORIGINAL), ...pieces]) {
          read++;
          yield piece;
        }
      })() as unknown as Buffer[];
      const claim = claimOf([recipientOf('b@y.example')], { content: null });
      const [notice] = await board.for(claim, resultsOf(claim, NOBODY));
      expect(readMail(notice!.content).parts[2]!.type).to.equal(HEADERS);
      expect(read).to.equal(2);
    });

    it('is left out when it is gone: the sender hears of the failure all the same', async () => {
      const claim = claimOf([recipientOf('b@y.example')], { content: null });
      expect((await noticeOf(claim, NOBODY)).parts.length).to.equal(2);
    });
  });
});
