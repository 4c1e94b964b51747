// `lonedot queue` as an operator uses it: the real program on a real database, alone and beside a store that is open.
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Attempt, RecipientState, Store } from '../../relay/store/store.ts';
import { Directory, serveHere } from '../relay/store/sqlite-place.ts';
import { delivered, put, to } from '../relay/store/support.ts';
import { type Result, run } from './run.ts';

const HOUR = 3_600_000;

describe('lonedot queue', () => {
  let directory: Directory;
  /** Open all the time, as that of a running relay would be. */
  let store: Store;
  const ids: Record<'late' | 'refused' | 'held' | 'fresh', string> = { late: '', refused: '', held: '', fresh: '' };
  let now = 0;

  const queue = (...args: string[]): Promise<Result> => run(['queue', ...args, '-d', directory.file]);
  const lines = ({ stdout }: Result): string[] => stdout.trimEnd().split('\n');
  const statesOf = async (id: string): Promise<string[]> =>
    ((await store.get(id))?.recipients ?? []).map((one) => one.state);

  /** Stores a mail and settles what of it is to be settled. */
  async function mail(
    sender: string,
    addresses: string[],
    age: number,
    becomes?: [state: RecipientState, reply: string],
  ): Promise<string> {
    const content = 'Received: from c\r\n\tby d\r\nSubject: Größe \x1b[2J\r\n\r\nNot shown\r\n';
    const id = await put(store, content, { receivedAt: now - age, sender, ...to('relay', ...addresses) });
    if (!becomes) return id;
    const [claim] = await store.claim('test', now, 1000, 1);
    const [state, reply] = becomes;
    const attempt: Attempt = { at: now - 1000, upstream: 'main', tls: 'TLSv1.3', reply, outcome: 'deferred' };
    const settled = claim!.recipients.map((one) => ({ ...delivered(one), state, nextAttempt: now + HOUR, attempt }));
    await store.settle(settled);
    return id;
  }

  beforeEach(async () => {
    directory = await Directory.make();
    store = await serveHere(directory.file);
    now = Date.now();
    ids.late = await mail('ann@shop.example', ['bob@one.example', 'eve@two.example'], 30 * HOUR, [
      'deferred',
      '452 4.2.2 full',
    ]);
    ids.refused = await mail('', ['nobody@one.example'], 20 * HOUR, ['bounced', '550 5.1.1 No such user']);
    ids.held = await mail('news@shop.example', ['dan@two.example'], 10 * HOUR, ['held', '450 later']);
    ids.fresh = await mail('ann@shop.example', ['zoe@three.example'], 0);
  });

  afterEach(async () => {
    await store.close();
    await directory.remove();
  });

  it('lists what waits, a line per recipient, with totals of everything', async () => {
    const result = await queue();
    expect(result).to.deep.include({ code: 0, stderr: '' });
    const [heading, ...rows] = lines(result);
    expect(heading).to.match(/^ID +AGE +SIZE +STATE +TRIES +NEXT +SENDER -> RECIPIENT +LAST REPLY$/);
    const shown = rows.slice(0, -1).map((row) =>
      row
        .replace(/^(\S{14})/, '')
        .trim()
        .split(/ {2,}/),
    );
    expect(shown).to.deep.equal([
      ['30h', '61', 'deferred', '1', 'in 60m', 'ann@shop.example -> bob@one.example', '452 4.2.2 full'],
      ['30h', '61', 'deferred', '1', 'in 60m', 'ann@shop.example -> eve@two.example', '452 4.2.2 full'],
      ['10h', '61', 'held', '1', '-', 'news@shop.example -> dan@two.example', '450 later'],
      [shown[3]![0], '61', 'queued', '0', 'due', 'ann@shop.example -> zoe@three.example'],
    ]);
    expect(rows[0]!.startsWith(`${ids.late.slice(0, 14)} `)).to.equal(true);
    expect(rows.at(-1)).to.equal('In all: 1 queued, 2 deferred, 1 held, 1 bounced; the oldest that waits came 30h ago');
  });

  it('lists as JSON lines, by filters, with a limit', async () => {
    const found = async (...args: string[]): Promise<string[]> => {
      const result = await queue('list', '--json', ...args);
      expect(result.stderr).to.equal('');
      return result.stdout === '' ? [] : lines(result).map((line) => (JSON.parse(line) as { id: string }).id);
    };
    expect(await found('--all')).to.deep.equal([ids.late, ids.refused, ids.held, ids.fresh]);
    expect(await found('--state', 'bounced', '--state', 'held')).to.deep.equal([ids.refused, ids.held]);
    expect(await found('--sender', 'ANN@shop.example', '--older-than', '1h')).to.deep.equal([ids.late]);
    expect(await found('--recipient', '@two.example', '--newer-than', '15h')).to.deep.equal([ids.held]);
    expect(await found('--limit', '1')).to.deep.equal([ids.late]);
    const [line] = lines(await queue('list', '--json', ids.late, '--recipient', 'eve@*'));
    expect(JSON.parse(line!)).to.deep.equal({
      id: ids.late,
      receivedAt: new Date(now - 30 * HOUR).toISOString(),
      sender: 'ann@shop.example',
      size: 61,
      recipients: [
        {
          address: 'eve@two.example',
          state: 'deferred',
          route: 'relay',
          attempts: 1,
          since: new Date(now - 30 * HOUR).toISOString(),
          nextAttempt: new Date(now + HOUR).toISOString(),
          busy: false,
          order: null,
          lastUpstream: 'main',
          lastReply: '452 4.2.2 full',
        },
      ],
    });
  }).timeout(60_000);

  it('says when there is more, and when there is nothing', async () => {
    expect((await queue('--limit', '2')).stdout).to.contain('\nThe oldest 2 messages; --limit 0 shows all.\n');
    const none = await queue('--recipient', '@nowhere.example');
    expect(none.code).to.equal(1);
    expect(lines(none)[0]).to.equal('Nothing matches.');
    await store.change({}, 'delete', now);
    const empty = await queue();
    expect({ code: empty.code, said: lines(empty) }).to.deep.equal({
      code: 0,
      said: ['Nothing waits.', 'In all: no mail'],
    });
  }).timeout(60_000);

  it('shows envelope, recipients and header, with nothing in it that a terminal obeys', async () => {
    const { code, stdout, stderr } = await queue('show', ids.late.slice(0, 14));
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
    expect(stdout).to.contain(`message   ${ids.late}\n`);
    expect(stdout).to.contain('client    client.example.com [192.0.2.1], ESMTP\n');
    expect(stdout).to.contain('recipient eve@two.example: deferred, 1 attempt, next in 60m\n');
    expect(stdout).to.contain('\nReceived: from c\n        by d\nSubject: Größe \\u001b[2J\n');
    expect(stdout).not.to.contain('Not shown');
    const report = JSON.parse((await queue('show', ids.late, '--json')).stdout) as { header: string[] };
    expect(report).to.deep.include({ id: ids.late, helo: 'client.example.com', protocol: 'ESMTP', traits: [] });
    expect(report.header).to.deep.equal(['Received: from c', '\tby d', 'Subject: Größe \x1b[2J']);
  }).timeout(60_000);

  it('tells why: route, attempts, and what happens next', async () => {
    const { code, stdout } = await queue('why', ids.late, ids.refused);
    expect(code).to.equal(0);
    expect(stdout).to.match(
      /^bob@one\.example {2}deferred, route relay\n {2}why {3}the last attempt did not succeed; it is/m,
    );
    expect(stdout).to.match(/^ {2}next {2}20\d\d-\d\d-\d\d \d\d:\d\d:\d\dZ, in 60m$/m);
    expect(stdout).to.match(/^ {4}20\S+ \S+Z {2}main, TLSv1\.3 {2}deferred {2}452 4\.2\.2 full$/m);
    expect(stdout).to.contain(
      'nobody@one.example  bounced, route relay\n  why   it was refused or given up for good\n',
    );
    const report = JSON.parse((await queue('why', ids.refused, '--json')).stdout) as { recipients: unknown[] };
    expect(report.recipients[0]).to.deep.include({
      reason: 'it was refused or given up for good',
      history: [
        {
          at: new Date(now - 1000).toISOString(),
          upstream: 'main',
          tls: 'TLSv1.3',
          reply: '550 5.1.1 No such user',
          outcome: 'deferred',
        },
      ],
    });
  }).timeout(60_000);

  it('tells which upstreams are paused, and which of them somebody has to see to', async () => {
    const until = now + 5 * 60_000;
    await store.notePauses(
      'relay',
      [
        { upstream: 'main', until, why: '535 5.7.8 no such user', alarm: true },
        { upstream: 'spare', until: now - 5000, why: 'connect ECONNREFUSED', alarm: false },
      ],
      now,
    );
    const said = [
      'ALARM: upstream main is paused for 5m: 535 5.7.8 no such user',
      'upstream spare is tried again with the next mail: connect ECONNREFUSED',
    ];
    expect(lines(await queue()).slice(-3, -1)).to.deep.equal(said);
    expect(lines(await queue('why', ids.late)).slice(-2)).to.deep.equal(said);
    const report = JSON.parse((await queue('why', ids.late, '--json')).stdout) as { paused: unknown[] };
    expect(report.paused[1]).to.deep.equal({
      ...{ upstream: 'spare', until: new Date(now - 5000).toISOString(), why: 'connect ECONNREFUSED', alarm: false },
    });
  }).timeout(60_000);

  it('changes what is meant, says how much, and the store that is open beside it is told', async () => {
    const told = new Promise<void>((resolve) => store.watch(resolve));
    expect(await queue('hold', ids.late)).to.deep.equal({ code: 0, stdout: '2 recipients held.\n', stderr: '' });
    expect(await statesOf(ids.late)).to.deep.equal(['held', 'held']);
    await told;
    expect((await queue('release', '--recipient', 'bob@*')).stdout).to.equal('1 recipient released, due now.\n');
    expect(await statesOf(ids.late)).to.deep.equal(['queued', 'held']);
    expect((await queue('requeue', '--state', 'bounced', '--json')).stdout).to.equal(
      '{"action":"requeue","changed":1,"busy":0}\n',
    );
    expect(await statesOf(ids.refused)).to.deep.equal(['queued']);
    expect((await queue('flush')).stdout).to.equal('3 recipients due now.\n');
    expect((await queue('bounce', ids.fresh.slice(0, 14))).stdout).to.equal(
      '1 recipient to be bounced as soon as the relay gets to it.\n',
    );
    expect((await queue()).stdout).to.match(/queued +0 +bounce +ann@shop\.example -> zoe/);
  }).timeout(60_000);

  it('leaves alone what is being delivered, and says so', async () => {
    const [claim] = await store.claim('relay', Date.now(), 60_000, 10);
    expect(claim?.id).to.equal(ids.fresh);
    expect(await queue('delete', ids.fresh)).to.deep.equal({
      code: 1,
      stdout: 'Nothing to delete; 1 recipient left alone, being delivered at this moment.\n',
      stderr: '',
    });
    expect((await queue()).stdout).to.match(/queued +0 +sending +ann@shop\.example -> zoe/);
    expect((await queue('delete', '--all')).stdout).to.equal(
      '4 recipients deleted; 1 recipient left alone, being delivered at this moment.\n',
    );
    expect((await store.counts()).messages).to.equal(1);
    const [left] = claim!.recipients;
    expect(await store.settle([delivered(left!)])).to.equal(1);
  }).timeout(60_000);

  it('works on the database of a relay that does not run', async () => {
    await store.close();
    expect((await queue('delete', ids.held)).code).to.equal(0);
    store = await serveHere(directory.file);
    expect(await store.get(ids.held)).to.equal(undefined);
  });

  it('prints nothing when quiet, and ends with 1 when nothing matched', async () => {
    expect(await queue('hold', '-q', ids.late)).to.deep.equal({ code: 0, stdout: '', stderr: '' });
    const again = await queue('hold', ids.late);
    expect(again).to.deep.equal({ code: 1, stdout: 'Nothing to hold.\n', stderr: '' });
  }).timeout(60_000);

  it('takes the database from the relay of a config file, or from a variable', async () => {
    const file = join(directory.path, 'lonedot.json');
    await writeFile(file, JSON.stringify({ relay: { upstream: 'smtp://h.example', database: directory.file } }));
    expect((await run(['queue', '-c', file])).stdout).to.contain('news@shop.example');
    const variables = { LONEDOT_DATABASE: directory.file, LONEDOT_ALL: 'true', LONEDOT_STATE: 'nonsense' };
    expect((await run(['queue', 'delete'], variables)).code, 'a variable means no consent').to.equal(2);
    expect((await run(['queue'], variables)).stdout).to.contain('1 bounced');
  }).timeout(60_000);

  const wrong: readonly [what: string, args: (file: string) => string[], code: number, expected: string][] = [
    ['an unknown action', () => ['purge'], 2, 'ACTION: expected one of list, show, why, flush'],
    [
      'a change of everything by accident',
      () => ['delete'],
      2,
      'queue delete needs ids, a filter such as --recipient, or',
    ],
    ['everything and something', () => ['delete', '--all', '--state', 'held'], 2, '--all excludes ids and filters'],
    ['an action without its id', () => ['why'], 2, 'queue why needs the id of a message'],
    ['what cannot be an id', () => ['why', '../x'], 2, 'ID: expected the id of a message, or how it begins'],
    ['a limit of a change', () => ['hold', '--all', '--limit', '5'], 2, '--limit is for list, not for hold'],
    ['a state that is none', () => ['--state', 'lost'], 2, '--state: expected one of queued, deferred'],
    ['an age without a unit', () => ['--older-than', '5'], 2, '--older-than: expected a duration'],
    ['an id that is not there', () => ['show', 'zzzz'], 1, 'no message has an id that begins with zzzz'],
    ['an id that may mean several', () => ['show', '0'], 1, '0 may mean 0'],
  ];
  for (const [what, args, code, expected] of wrong) {
    it(`refuses ${what}`, async () => {
      const result = await queue(...args(directory.file));
      expect(result.stderr).to.match(/^lonedot: [^\n]+\n$/);
      expect(result.stderr).to.contain(expected);
      expect({ code: result.code, stdout: result.stdout }).to.deep.equal({ code, stdout: '' });
    });
  }

  it('refuses a database that is not there, and makes none', async () => {
    const missing = join(directory.path, 'missing.db');
    const { code, stderr } = await run(['queue', '-d', missing]);
    expect(code).to.equal(1);
    expect(stderr).to.equal(
      `lonedot: database ${missing}: there is no such file; name the one that the relay uses with --database FILE, or its config with --config FILE\n`,
    );
    expect(existsSync(missing)).to.equal(false);
  });
});
