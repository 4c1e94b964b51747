// The words of `lonedot/testing/chai`, and what they say when they fail.
import * as chai from 'chai';
import { mailAssertions } from '../../testing/chai.ts';
import { type Mail, type Sink, startSink } from '../../testing/index.ts';
import { send } from './support/send.ts';

const { expect } = chai.use(mailAssertions);

describe('lonedot/testing/chai', () => {
  let sink: Sink;
  let mail: Mail;

  before(async () => {
    sink = await startSink();
    await send(sink, {
      from: 'The App <app@example.com>',
      to: 'Bob <bob@example.com>',
      bcc: 'eve@example.com',
      subject: 'Welcome',
      text: 'Confirm with code 482913 or at https://app.example.com/confirm?t=1',
      attachments: [{ filename: 'terms.pdf', content: 'x' }],
    });
    mail = await sink.waitFor();
  });
  after(() => sink?.close());

  async function saidBy(run: () => unknown): Promise<string> {
    try {
      await run();
    } catch (error) {
      return (error as Error).message;
    }
    throw new Error('it passed');
  }

  it('waits for what is to be received, and gives it', async () => {
    const received = await expect(sink).to.have.received({ to: 'bob@example.com', subject: 'welcome' });
    expect(received.id).to.equal(mail.id);
    expect(await expect(sink).to.have.received({ count: 1 })).to.have.length(1);
    await expect(sink).not.to.have.received({ to: 'carol@example.com', quiet: 20 });
    await expect(sink).to.not.have.received({ subject: 'Other', quiet: 20 });
  });

  it('tells the nearest misses and the dialogue', async () => {
    const said = await saidBy(() => expect(sink).to.have.received({ to: 'carol@example.com', timeout: 20 }));
    expect(said).to.match(/^No mail came \(to carol@example\.com\) within 20 ms: 1 mail came, none to carol/);
    expect(said).to.contain('\n  "Welcome" from The App <app@example.com> to bob@example.com, eve@example.com; not to');
    expect(said).to.contain('\nThe last session:\n  S: 220 ');
    const unwanted = await saidBy(() => expect(sink).not.to.have.received({ subject: 'Welcome' }));
    expect(unwanted).to.match(/^1 mail came \(subject "Welcome"\), none expected:\n {2}"Welcome" from/);
  });

  it('looks at a mail', () => {
    expect(mail).to.have.subject('Welcome').and.have.recipient('bob@example.com').and.have.recipient('eve@example.com');
    expect(mail).to.have.subject(/^Wel/).and.not.have.subject('Wel');
    expect(mail).to.have.sender('app@example.com').and.not.have.recipient('app@example.com');
    expect(mail)
      .to.have.link()
      .and.have.link('/confirm')
      .and.not.have.link(/^http:/);
    expect(mail).to.have.attachment().and.have.attachment('.pdf').and.not.have.attachment('.png');
    expect(mail)
      .to.have.code()
      .and.have.code('482913')
      .and.have.code(/^\d{6}$/)
      .and.not.have.code('4829');
  });

  for (const [what, check, message] of [
    ['subject', () => expect(mail).to.have.subject('Hi'), 'to have the subject "Hi", but it has "Welcome"'],
    [
      'recipient',
      () => expect(mail).to.have.recipient('carol@example.com'),
      'to have the recipient carol@example.com, but it has "Bob <bob@example.com>", "eve@example.com", "bob@example.com"',
    ],
    [
      'link',
      () => expect(mail).to.have.link('/reset'),
      'to have the link "/reset", but it has "https://app.example.com/',
    ],
    ['attachment', () => expect(mail).not.to.have.attachment(), 'not to have the attachment, but it has "terms.pdf"'],
    ['code', () => expect(mail).to.have.code('1234'), 'to have the code "1234", but it has "482913"'],
  ] as const) {
    it(`says what the mail has instead of the ${what}`, async () => {
      expect(await saidBy(check)).to.contain(`expected the mail "Welcome" ${message}`);
    });
  }

  it('says when it is given no sink, no mail, or nothing to compare with', async () => {
    expect(await saidBy(() => expect({}).to.have.received())).to.equal(
      'expected {} to be a sink, or a namespace of one',
    );
    expect(await saidBy(() => expect('x').to.have.subject('x'))).to.equal("expected 'x' to be a mail");
    const undefinedLink = undefined as unknown as string;
    expect(await saidBy(() => expect(mail).to.have.link(undefinedLink))).to.equal('link: undefined was given');
  });
});
