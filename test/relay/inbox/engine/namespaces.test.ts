// Namespaces: whose a mail is, what each sees, and that nothing of one reaches another.
import { expect } from 'chai';
import type { NewNamespace } from '../../../../relay/inbox/inbox.ts';
import type { NewMessage } from '../../../../relay/store/store.ts';
import { ChatError } from '../../../../src/errors.ts';
import { until } from '../../../support/within.ts';
import { mail, onScene, type Scene } from './support.ts';

const namespace = (name: string, members: Partial<NewNamespace> = {}): NewNamespace => ({
  ...{ name, expiresAt: null, recipients: [], users: [], ports: [], headers: [] },
  ...members,
});

const to = (address: string, more: Partial<NewMessage> = {}): Partial<NewMessage> => ({
  recipients: [{ address, parameters: [], route: 'capture' }],
  ...more,
});

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'none',
    (error: unknown) => (error instanceof ChatError ? error.code : String(error)),
  );

/** Recipient, what else, and whose it is. */
const TABLE: readonly (readonly [string, Partial<NewMessage>, Readonly<Record<string, string>>, string])[] = [
  ['x+one@x.example', {}, {}, 'one'],
  ['X+ONE@X.EXAMPLE', {}, {}, 'one'],
  ['any@two.example', {}, {}, 'two'],
  ['a@b.example', { authUser: 'tester' }, {}, 'one'],
  ['a@b.example', { authUser: 'Tester' }, {}, ''],
  ['a@b.example', { port: 2526 }, {}, 'two'],
  ['a@b.example', { port: 2527 }, {}, ''],
  ['a@b.example', {}, { 'x-test-run': ' 17 ' }, 'two'],
  ['a@b.example', {}, { 'X-Test-Run': '170' }, ''],
  // Two want it: the one that was made first has it.
  ['any@two.example', { authUser: 'tester' }, {}, 'one'],
];

async function make({ inbox }: Scene): Promise<void> {
  await inbox.createNamespace(namespace('one', { recipients: ['*+one@*'], users: ['tester'] }));
  await inbox.createNamespace(
    namespace('two', { recipients: ['@two.example'], ports: [2526], headers: ['X-Test-Run: 17'] }),
  );
}

describe('SQLite inbox: namespaces', () => {
  it(
    'a mail is in the first that wants it',
    onScene(async (scene) => {
      await make(scene);
      for (const [recipient, more, fields, expected] of TABLE) {
        const id = await scene.take(mail(fields), to(recipient, more));
        const name = JSON.stringify([recipient, more, fields]);
        expect((await scene.inbox.summary(id))?.namespace, name).to.equal(expected);
      }
      expect((await scene.inbox.namespaces()).map(({ name }) => name)).to.deep.equal(['one', 'two']);
    }),
  );

  it(
    'lists, counts, searches, marks and deletes within its own',
    onScene(async (scene) => {
      const { inbox, take, events } = scene;
      await make(scene);
      for (let n = 0; n < 6; n++) {
        await take(
          mail({ Subject: `mail ${n}`, 'X-Tags': `t${n % 2}` }),
          to(['x+one@x.example', 'a@two.example', 'c@c.example'][n % 3]!),
        );
      }
      const page = await inbox.page({ namespace: 'one', limit: 10 });
      expect(page.messages.map(({ subject }) => subject)).to.deep.equal(['mail 3', 'mail 0']);
      expect(page).to.include({ total: 2, unread: 2, matching: 2 });
      expect(page.tags).to.deep.equal(['one', 't0', 't1']);
      expect(await inbox.tags({ namespace: 'two' })).to.deep.equal([
        { tag: 't0', messages: 1 },
        { tag: 't1', messages: 1 },
      ]);
      const query = { kind: 'text', field: 'subject', text: 'mail' } as const;
      expect((await inbox.page({ namespace: 'two', query, limit: 10 })).matching).to.equal(2);
      expect((await inbox.page({ namespace: '', limit: 10 })).messages.length).to.equal(2);
      expect((await inbox.latest({ namespace: 'one' }))?.subject).to.equal('mail 3');
      expect((await inbox.page({ namespace: 'none', limit: 10 })).total).to.equal(0);
      expect(await inbox.setRead({ namespace: 'one' }, true)).to.equal(2);
      expect(await inbox.counts({ namespace: 'one' })).to.deep.equal({ messages: 2, unread: 0 });
      expect(await inbox.counts()).to.deep.equal({ messages: 6, unread: 4 });
      const [foreign] = (await inbox.page({ namespace: 'two', limit: 1 })).messages;
      expect(await inbox.delete({ namespace: 'one', ids: [foreign!.id] })).to.equal(0);
      expect(await inbox.delete({ namespace: 'two', query })).to.equal(2);
      expect(await inbox.deleteNamespace('one')).to.equal(true);
      expect(await inbox.deleteNamespace('one')).to.equal(false);
      expect(await inbox.counts()).to.deep.equal({ messages: 2, unread: 2 });
      expect(events.filter(({ type }) => type === 'truncated')).to.deep.equal([
        { type: 'truncated', namespace: 'one' },
      ]);
      expect(
        events.filter(({ type }) => type === 'deleted').map((event) => 'namespace' in event && event.namespace),
      ).to.deep.equal(['two', 'two']);
    }),
  );

  it(
    'refuses a name that is taken, and members that can be none',
    onScene(async ({ inbox }) => {
      await inbox.createNamespace(namespace('one'));
      expect(await codeOf(inbox.createNamespace(namespace('one')))).to.equal('NAMESPACE_EXISTS');
      const bad: Partial<NewNamespace>[] = [
        ...['', ' ', 'a b', '../x', '-x', 'x'.repeat(101)].map((name) => ({ name })),
        ...['example.com', 'a@', '@', 'a\0@b'].map((pattern) => ({ recipients: [pattern] })),
        ...[0, 65_536, 1.5, Number.NaN].map((port) => ({ ports: [port] })),
        ...['X-Run', ': 1', 'X Y: 1', 'X-Run: 1\r\nBcc: x'].map((field) => ({ headers: [field] })),
        { users: [''] },
        { expiresAt: Number.NaN },
      ];
      for (const members of bad) {
        const made = inbox.createNamespace({ ...namespace('fine'), ...members });
        expect(await codeOf(made), JSON.stringify(members)).to.equal('BAD_NAMESPACE');
      }
      expect((await inbox.namespaces()).length).to.equal(1);
    }),
  );

  it(
    'goes by itself with its mail when its time is over, and leaves the rest',
    onScene(async ({ inbox, take }) => {
      await inbox.createNamespace(namespace('brief', { recipients: ['*+b@*'], expiresAt: Date.now() + 150 }));
      const gone = await take(mail({}), to('x+b@x.example'));
      await take(mail({}), to('x@x.example'));
      expect((await inbox.summary(gone))?.namespace).to.equal('brief');
      let names = ['brief'];
      const looking = setInterval(
        () => void inbox.namespaces().then((all) => (names = all.map(({ name }) => name))),
        10,
      );
      try {
        await until(5000, () => names.length === 0, 'the end of the namespace');
      } finally {
        clearInterval(looking);
      }
      await until(5000, () => true);
      expect((await inbox.page({ limit: 5 })).total).to.equal(1);
    }),
  );

  it(
    'keeps twenty of them apart while all are filled and emptied at once',
    onScene(async ({ inbox, take }) => {
      await Promise.all(
        Array.from({ length: 20 }, async (_, n) => {
          const name = `ns${n}`;
          await inbox.createNamespace(namespace(name, { recipients: [`*+${name}@*`] }));
          for (let round = 0; round < 3; round++) {
            const ids = await Promise.all(
              Array.from({ length: 5 }, () => take(mail({ Subject: name }), to(`x+${name}@x.example`))),
            );
            const page = await inbox.page({ namespace: name, limit: 50 });
            expect(page.messages.map(({ id }) => id).sort()).to.deep.equal(ids.sort());
            expect(await inbox.delete({ namespace: name })).to.equal(5);
          }
        }),
      );
      expect(await inbox.counts()).to.deep.equal({ messages: 0, unread: 0 });
    }),
  );
});
