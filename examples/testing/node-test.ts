// node:test: a sink in the process of the test file, a namespace for each of the tests that run at the same time.
//
//   node --import tsx --test examples/testing/node-test.ts
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
// In your own suite: from 'lonedot/testing'.
import { type Sink, startSink } from '../../testing/index.ts';
import { App } from './app.ts';

describe('signing up', { concurrency: true }, () => {
  let sink: Sink;
  before(async () => {
    sink = await startSink();
  });
  after(() => sink.close());

  for (const user of ['ann', 'bob', 'carol']) {
    it(`sends ${user} a code`, async () => {
      await using inbox = await sink.namespace();
      const app = new App(inbox.url);
      // All of them sign up as the same person: each sees the own mail only.
      await app.signUp('user@example.com');
      const mail = await inbox.expectMail({ to: 'user@example.com', subject: /^Confirm/ });
      assert.match(mail.codes[0]!, /^\d{6}$/);
      await inbox.expectNoMail({ after: mail });
      app.close();
    });
  }

  it('sends a second code when it is asked for', async () => {
    await using inbox = await sink.namespace();
    const app = new App(sink.url);
    // An address of the namespace, for a program that logs in nowhere.
    const address = inbox.address('bob');
    await app.signUp(address);
    const first = await inbox.waitFor({ to: address });
    await app.signUp(address);
    const second = await inbox.waitFor({ to: address, after: first });
    assert.notEqual(first.codes[0], second.codes[0]);
    app.close();
  });
});
