// Tags: what a mail brings along, what rules give it, what people do with them.
import { expect } from 'chai';
import { inboxSettings } from '../../../../relay/inbox/options.ts';
import { resolveSink } from '../../../../relay/options.ts';
import { ChatError } from '../../../../src/errors.ts';
import { mail, onScene, SETTINGS } from './support.ts';

const sinkWith = (...rules: string[]) => resolveSink({ flags: new Map([['tag', rules]]) });

const to = (...addresses: string[]) => ({
  recipients: addresses.map((address) => ({ address, parameters: [], route: 'capture' as const })),
});

describe('SQLite inbox: tags', () => {
  it(
    'come with the mail: X-Tags, plus addresses, rules',
    onScene(
      async ({ inbox, take, events }) => {
        await take(
          mail({ Subject: 'Order 5', 'X-Tags': 'Beta, alpha, ALPHA, bad<>name, ,' }),
          to('x+Plus.Tag@x.example', 'y@x.example', '+no@x.example'),
        );
        await take(mail({ Subject: 'other' }));
        const [other, order] = (await inbox.page({ limit: 5 })).messages;
        expect(order?.tags).to.deep.equal(['alpha', 'badname', 'Beta', 'Orders', 'Plus.Tag']);
        expect(other?.tags).to.deep.equal([]);
        expect(events.map((event) => event.type === 'new' && event.message.tags.length)).to.deep.equal([5, 0]);
      },
      { settings: inboxSettings(sinkWith('Orders=subject:/order \\d/i')) },
    ),
  );

  it(
    'of addresses and fields can be switched off',
    onScene(
      async ({ inbox, take }) => {
        const id = await take(mail({ 'X-Tags': 'one' }), to('x+two@x.example'));
        expect((await inbox.summary(id))?.tags).to.deep.equal([]);
      },
      { settings: { ...SETTINGS, plusTags: false, headerTags: false } },
    ),
  );

  it(
    'are set, added, removed, renamed and deleted; one tag has one spelling',
    onScene(async ({ inbox, take, events }) => {
      const [a, b] = [await take(mail({ Subject: 'a' })), await take(mail({ Subject: 'b' }))];
      const tagsOf = async (): Promise<(readonly string[])[]> =>
        (await inbox.page({ limit: 5, oldestFirst: true })).messages.map(({ tags }) => tags);
      expect(await inbox.setTags([a, 'nobody'], ['Work', 'urgent'])).to.equal(1);
      expect(await inbox.addTags({ ids: [a, b] }, ['WORK'])).to.equal(1);
      expect(await tagsOf()).to.deep.equal([['urgent', 'Work'], ['Work']]);
      expect(await inbox.tags()).to.deep.equal([
        { tag: 'urgent', messages: 1 },
        { tag: 'Work', messages: 2 },
      ]);
      expect(await inbox.renameTag('work', 'job')).to.equal(2);
      expect(await inbox.renameTag('work', 'job')).to.equal(0);
      expect(await inbox.renameTag('job', 'JOB')).to.equal(2);
      expect(await tagsOf()).to.deep.equal([['JOB', 'urgent'], ['JOB']]);
      expect(await inbox.renameTag('urgent', 'job')).to.equal(1);
      expect(await inbox.removeTags({ query: { kind: 'text', field: 'subject', text: 'b' } }, ['job'])).to.equal(1);
      expect(await tagsOf()).to.deep.equal([['JOB'], []]);
      expect(await inbox.deleteTag('Job')).to.equal(1);
      expect(await inbox.tags()).to.deep.equal([]);
      expect(events.filter(({ type }) => type === 'tags').slice(0, 2)).to.deep.equal([
        { type: 'tags', id: a, namespace: '', tags: ['urgent', 'Work'] },
        { type: 'tags', id: b, namespace: '', tags: ['Work'] },
      ]);
    }),
  );

  it(
    'that can be none are refused, and change nothing',
    onScene(async ({ inbox, take }) => {
      const id = await take(mail({}));
      for (const bad of ['', '  ', 'a,b', 'a<b', 'x'.repeat(101), 'a\0']) {
        const error = await inbox.setTags([id], ['fine', bad]).catch((reason: unknown) => reason);
        expect((error as ChatError).code, JSON.stringify(bad)).to.equal('BAD_TAG');
      }
      expect(await inbox.setTags([id], ['Größe 1.0_x-y@z'])).to.equal(1);
      expect((await inbox.tags()).map(({ tag }) => tag)).to.deep.equal(['Größe 1.0_x-y@z']);
    }),
  );

  it('rules that make no sense are refused before anything starts', () => {
    for (const [rule, says] of [
      ['x', /--tag/],
      ['a,b=word', /"a,b" is no tag/],
      ['a=subjekt:x', /unknown filter 'subjekt:'/],
      ['a=(', /--tag "a=\(": /],
    ] as const) {
      expect(() => sinkWith(rule), rule)
        .to.throw(ChatError, says)
        .with.property('code', 'BAD_OPTION');
    }
  });
});
