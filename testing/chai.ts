// `lonedot/testing/chai`: mail in the words of chai.
//
//   chai.use(mailAssertions);
//   await expect(sink).to.have.received({ to: 'bob@example.com', subject: 'Welcome' });
//   await expect(sink).not.to.have.received({ to: 'carol@example.com' });
//   expect(mail).to.have.link('/confirm');
//
// Apart from index.ts, so that only who has chai needs its types. chai itself is handed in.
import type {} from 'chai';
import { formatMailbox } from '../relay/inbox/parse-mail.ts';
import { type AddressMatch, addressTest, type MailFilter, shown, type TextMatch, textTest } from './sink/filter.ts';
import type { Attachment, Mail } from './sink/mail.ts';
import type { MailScope, QuietOptions, WaitOptions } from './sink/sink.ts';

declare global {
  namespace Chai {
    interface Assertion {
      /**
       * Of a sink or a namespace: waits for the mail, and resolves with it (with an array where `count` is given). Fails
       * with what came instead, and when more than `count` match. With `not`: fails when such a mail is there, or comes
       * within `quiet`, 200 ms.
       */
      received(filter: MailFilter & WaitOptions & QuietOptions & { readonly count: number }): Promise<Mail[]>;
      received(filter?: MailFilter & Omit<WaitOptions, 'count'> & QuietOptions): Promise<Mail>;
      /** Of a mail: the same subject, or one that matches. */
      subject(expected: TextMatch): Assertion;
      /** Of a mail: who got it, by To, Cc, Bcc or envelope. */
      recipient(expected: AddressMatch): Assertion;
      /** Of a mail: From, or the sender of the envelope. */
      sender(expected: AddressMatch): Assertion;
      /** Of a mail: a link with this in it, or one that matches; any link without. */
      link(expected?: TextMatch): Assertion;
      /** Of a mail: an attachment with this in its file name, or one that matches; any attachment without. */
      attachment(expected?: TextMatch): Assertion;
      /** Of a mail: a one-time password; any one without. */
      code(expected?: string | RegExp): Assertion;
    }
  }
}

interface MailAssertion {
  /** What is shown of the mail. */
  has(mail: Mail): readonly string[];
  /** Undefined is any. */
  holds(mail: Mail, expected: unknown): boolean;
}

const MAIL_ASSERTIONS: Readonly<Record<string, MailAssertion>> = {
  subject: {
    has: ({ subject }) => [subject],
    // Of a mail in hand the whole subject is known, so a text means all of it.
    holds: ({ subject }, expected) =>
      typeof expected === 'string' ? subject === expected : textTest(expected as TextMatch)(subject),
  },
  recipient: {
    has: ({ to, cc, bcc, envelope }) => [...new Set([...[...to, ...cc, ...bcc].map(formatMailbox), ...envelope.to])],
    holds: ({ to, cc, bcc, envelope }, expected) =>
      [...to, ...cc, ...bcc, ...envelope.to.map(bare)].some(addressTest(expected as AddressMatch)),
  },
  sender: {
    has: ({ from, envelope }) => [...new Set([...(from ? [formatMailbox(from)] : []), envelope.from])],
    holds: ({ from, envelope }, expected) =>
      [...(from ? [from] : []), bare(envelope.from)].some(addressTest(expected as AddressMatch)),
  },
  link: { has: ({ links }) => links, holds: ({ links }, expected) => some(links, expected) },
  attachment: {
    has: ({ attachments }) => names(attachments),
    holds: ({ attachments }, expected) => some(names(attachments), expected),
  },
  code: {
    has: ({ codes }) => codes,
    holds: ({ codes }, expected) => (typeof expected === 'string' ? codes.includes(expected) : some(codes, expected)),
  },
};

/** For `chai.use(mailAssertions)`. */
export const mailAssertions: Chai.ChaiPlugin = (chai, utils) => {
  const { Assertion } = chai;
  Assertion.addMethod('received', function (this: Chai.AssertionStatic, wanted = {}) {
    const sink = utils.flag(this, 'object') as MailScope;
    if (typeof sink?.expectMail !== 'function') {
      throw new chai.AssertionError(`expected ${utils.inspect(sink)} to be a sink, or a namespace of one`);
    }
    if (utils.flag(this, 'negate') !== true) return sink.expectMail(wanted);
    const { count: _, timeout: __, signal: ___, ...filter } = wanted as MailFilter & WaitOptions & QuietOptions;
    return sink.expectNoMail(filter);
  });
  for (const [name, { has, holds }] of Object.entries(MAIL_ASSERTIONS)) {
    Assertion.addMethod(name, function (this: Chai.AssertionStatic, ...given: readonly unknown[]) {
      const mail = utils.flag(this, 'object') as Mail;
      if (typeof mail?.raw !== 'function') {
        throw new chai.AssertionError(`expected ${utils.inspect(mail)} to be a mail`);
      }
      const [expected] = given;
      if (given.length > 0 && expected === undefined) throw new TypeError(`${name}: undefined was given`);
      if (given.length === 0 && (name === 'subject' || name === 'recipient' || name === 'sender')) {
        throw new TypeError(`${name}: nothing was given to compare with`);
      }
      const what = given.length === 0 ? '' : ` ${shown(expected as TextMatch)}`;
      const there =
        has(mail)
          .map((one) => JSON.stringify(one))
          .join(', ') || 'none';
      this.assert(
        holds(mail, expected),
        `expected the mail ${JSON.stringify(mail.subject)} to have the ${name}${what}, but it has ${there}`,
        `expected the mail ${JSON.stringify(mail.subject)} not to have the ${name}${what}, but it has ${there}`,
        expected,
        has(mail),
        false,
      );
    });
  }
};

function some(texts: readonly string[], expected: unknown): boolean {
  return expected === undefined ? texts.length > 0 : texts.some(textTest(expected as TextMatch));
}

function names(attachments: readonly Attachment[]): string[] {
  return attachments.map(({ fileName }) => fileName);
}

function bare(address: string) {
  return { name: '', address };
}
