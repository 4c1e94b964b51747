// Files of older versions: opened, brought up to date, and what is in them is as good as before.

import { expect } from 'chai';
import Libsql from 'libsql';
import { MIGRATIONS } from '../../../relay/store/sqlite-schema.ts';
import { Directory, serveHere } from './sqlite-place.ts';
import { VERSION_1 } from './sqlite-version-1.ts';
import { contentOf, delivered, put, to } from './support.ts';

describe('SQLite store: files of older versions', () => {
  let directory: Directory;

  beforeEach(async () => {
    directory = await Directory.make();
  });

  afterEach(() => directory.remove());

  it('takes over a file of version 1 with all that is in it', async () => {
    const old = new Libsql(directory.file);
    old.exec(VERSION_1);
    old.close();
    const store = await serveHere(directory.file);
    expect(directory.ask('PRAGMA user_version')).to.equal(MIGRATIONS.length);

    const [captured, deferred, held] = (await store.list(10)).toReversed();
    expect((await contentOf(store, captured!.id)).toString('latin1')).to.equal('captured\r\n');
    expect(await store.get(captured!.id)).to.deep.include({ sender: 'a@x.example', traits: [] });
    const [recipient] = (await store.get(deferred!.id))!.recipients;
    expect(recipient?.attempts.map((one) => one.reply)).to.deep.equal(['451 one', '451 two']);

    // As if the old program had been stopped: what is due is claimed, and goes on being tried where it was.
    const [claim, ...others] = await store.claim('new', 9000, 1000, 10);
    expect(others).to.deep.equal([]);
    expect(claim).to.deep.include({ id: deferred!.id, traits: [] });
    expect(claim!.recipients[0]).to.deep.include({
      ...{ attempts: 2, state: 'deferred', fence: 3, since: 2000, delayNotified: false, order: null },
    });
    const attempt = { at: 9001, upstream: 'u', tls: '', reply: '451 three', outcome: 'deferred' } as const;
    const late = { state: 'deferred', nextAttempt: 10_000, attempt } as const;
    expect(await store.settle([{ ...delivered(claim!.recipients[0]!), ...late }])).to.equal(1);
    expect((await store.get(deferred!.id))!.recipients[0]!.attempts.length).to.equal(3);
    expect(await store.change({ ids: [held!.id] }, 'requeue', 9500)).to.deep.equal({ changed: 1, busy: 0 });
    await put(store, 'new', to('relay', 'n@x.example'));
    expect(await store.counts()).to.deep.equal({
      messages: 4,
      recipients: { captured: 1, deferred: 1, queued: 2 },
      oldestWaiting: 2000,
    });
    await store.close();
    expect(directory.ask('PRAGMA integrity_check')).to.equal('ok');
  });
});
