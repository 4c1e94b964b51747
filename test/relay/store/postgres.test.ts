// What only the PostgreSQL engine can get wrong: databases that it must refuse, servers that go away, connections that
// end between a commit and its answer, nodes that begin at the same time.

import { createServer, connect as dial, type Server, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { openPostgresStore, type PostgresOptions } from '../../../relay/store/postgres.ts';
import type { Store } from '../../../relay/store/store.ts';
import { ChatError } from '../../../src/errors.ts';
import { PostgresServer, postgresForSuite } from './postgres-server.ts';
import { contentOf, delivered, newMessage, pattern, put, storeFailed, to } from './support.ts';

/** Asks again and again until the answer is yes. */
async function sooner(ms: number, asked: () => Promise<boolean>, what: string): Promise<void> {
  const end = performance.now() + ms;
  while (!(await asked())) {
    if (performance.now() > end) throw new Error(`waited ${ms} ms for ${what}`);
    await pause(20);
  }
}

/** Stands between a store and its server, and lets the connection fail. */
class Wire {
  /** Answers that are let through before all connections end; Infinity for a wire that holds. */
  answersLeft = Number.POSITIVE_INFINITY;
  /** Nothing gets through, and nobody is told. */
  isDeaf = false;
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();

  constructor(port: number) {
    this.server = createServer((client) => {
      const server = dial(port, '127.0.0.1');
      for (const socket of [client, server]) {
        this.sockets.add(socket);
        socket
          .on('error', () => {})
          .on('close', () => {
            this.sockets.delete(socket);
            client.destroy();
            server.destroy();
          });
      }
      client.on('data', (bytes) => this.isDeaf || server.write(bytes));
      server.on('data', (bytes) => {
        if (this.isDeaf) return;
        if (--this.answersLeft < 0) {
          this.answersLeft = Number.POSITIVE_INFINITY;
          this.cut();
        } else client.write(bytes);
      });
    });
  }

  async open(): Promise<number> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return (this.server.address() as { port: number }).port;
  }

  cut(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  close(): void {
    this.server.close();
    this.cut();
  }
}

describe('the PostgreSQL engine', function () {
  this.timeout(30_000);
  const postgres = postgresForSuite({ isOld: true });
  const opened: Store[] = [];
  const wires: Wire[] = [];

  afterEach(async () => {
    for (const wire of wires.splice(0)) wire.close();
    await Promise.all(opened.splice(0).map((store) => store.close().catch(() => {})));
  });
  async function open(url: string, options: Partial<PostgresOptions> = {}): Promise<Store> {
    const store = await openPostgresStore({ url, patience: 3000, ...options });
    opened.push(store);
    return store;
  }

  /** A store on a new database with a wire between the two. */
  async function wired(options: Partial<PostgresOptions> = {}): Promise<{ store: Store; wire: Wire; url: string }> {
    const url = await postgres.server.newDatabase();
    const wire = new Wire(postgres.server.port);
    wires.push(wire);
    const port = await wire.open();
    return { store: await open(url.replace(`:${postgres.server.port}/`, `:${port}/`), options), wire, url };
  }

  async function refusal(url: string, options: Partial<PostgresOptions> = {}): Promise<string> {
    const error = await open(url, options).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).to.be.instanceOf(ChatError);
    const { code, message, facts, cause } = error as ChatError;
    expect(code).to.equal('STORE_FAILED');
    expect(message).to.match(/^database postgres:\/\/127\.0\.0\.1:\d+\/\w+: [^\r\n]+$/);
    // Neither the password nor any part of it, in whatever is logged of it.
    expect(`${message} ${JSON.stringify(facts)} ${cause}`).to.not.match(/tester:|Tr0ub|%2F&3|%2F%263/);
    return message;
  }

  describe('refuses in one line, without secrets,', () => {
    it('a database of a newer program', async () => {
      const url = await postgres.server.newDatabase();
      await (await open(url)).close();
      await postgres.server.ask('UPDATE lonedot.version SET n = 99', url);
      expect(await refusal(url)).to.match(/newer lonedot \(its schema is 99, this program knows \d+\); update lonedot/);
    });

    it('a schema that is not ours', async () => {
      const url = await postgres.server.newDatabase();
      await postgres.server.ask('CREATE SCHEMA lonedot', url);
      expect(await refusal(url)).to.include('belongs to another program');
    });

    it('a database without a queue, to one who only looks', async () => {
      const url = await postgres.server.newDatabase();
      expect(await refusal(url, { mustExist: true })).to.include('there is no queue in it');
      expect(await postgres.server.ask("SELECT 1 FROM pg_namespace WHERE nspname = 'lonedot'", url)).to.deep.equal([]);
    });

    it('a wrong password, a database and a server that are not there, a user who may do nothing', async () => {
      const url = await postgres.server.newDatabase();
      expect(await refusal(url.replace(/:[^:@]*@/, ':Tr0ubadour@'))).to.include('password authentication failed');
      expect(await refusal(postgres.server.url('nowhere'))).to.include('database "nowhere" does not exist');
      expect(await refusal(url.replace(`:${postgres.server.port}/`, ':1/'))).to.include('ECONNREFUSED');
      await postgres.server.ask(`CREATE ROLE guest LOGIN PASSWORD '${postgres.server.password}'`, url);
      expect(await refusal(url.replace('//tester:', '//guest:'))).to.include('GRANT CREATE ON DATABASE');
    });
  });

  it('makes its tables once when many begin at the same time', async () => {
    const url = await postgres.server.newDatabase();
    const stores = await Promise.all(Array.from({ length: 6 }, () => open(url, { isNode: true })));
    await Promise.all(stores.map((store) => put(store, 'x')));
    expect((await stores[0]!.counts()).messages).to.equal(6);
    const seqs = (await stores[1]!.list(10)).map(({ seq }) => seq);
    expect(new Set(seqs).size).to.equal(6);
    await sooner(5000, async () => (await stores[2]!.nodes!()).length === 6, 'six nodes');
    await stores[0]!.close();
    expect((await stores[2]!.nodes!()).length).to.equal(5);
  });

  it('stores a message once when the connection ends between its commit and the answer', async () => {
    const { store, wire, url } = await wired();
    await put(store, 'before');
    for (let i = 0; i < 10; i++) {
      const waiting = [put(store, `${i}`, to('relay', 'a@x')), put(store, pattern(200_000 + i))];
      // Some answers, so that it ends now before a commit and now behind it.
      wire.answersLeft = i % 5;
      const ids = await Promise.all(
        waiting.map((one) =>
          one.catch((error: unknown) => {
            // A long one may lose its pieces on the way: then it is refused, and not stored.
            expect(error).to.be.instanceOf(ChatError);
            return null;
          }),
        ),
      );
      wire.answersLeft = Number.POSITIVE_INFINITY;
      expect(ids[0], 'a short one is always stored').to.be.a('string');
      const found = await postgres.server.ask(`SELECT id FROM lonedot.message WHERE received_at = 5000`, url);
      for (const id of ids) if (id !== null) expect(found.filter(({ id: one }) => one === id).length).to.equal(1);
    }
    const { messages } = await store.counts();
    const distinct = await postgres.server.ask('SELECT count(DISTINCT id)::int AS n FROM lonedot.message', url);
    expect(distinct).to.deep.equal([{ n: messages }]);
  });

  it('rejects within its patience when the server stands still, and goes on when it moves again', async () => {
    const { store, wire } = await wired({ patience: 800 });
    await put(store, 'before');
    wire.isDeaf = true;
    const begun = performance.now();
    await Promise.all([
      storeFailed(put(store, 'during')),
      storeFailed(store.claim('one', 9000, 1000, 1)),
      storeFailed(store.settle([delivered({ recipientId: 1, fence: 1 })])),
      storeFailed(store.renew([{ recipientId: 1, fence: 1 }], 1)),
      storeFailed(store.check()),
      storeFailed(store.nextDue()),
    ]);
    expect(performance.now() - begun).to.be.below(5000);
    wire.isDeaf = false;
    await sooner(
      5000,
      () =>
        put(store, 'after').then(
          () => true,
          () => false,
        ),
      'a commit',
    );
  });

  it('rejects while the server is away and is back by itself; then nothing is claimed for a moment', async function () {
    this.timeout(40_000);
    const own = await PostgresServer.start({ synced: false });
    try {
      const store = await open(await own.newDatabase(), { patience: 1000 });
      await pause(3000);
      const id = await put(store, 'kept', to('relay', 'a@x'));
      await own.halt();
      const begun = performance.now();
      await storeFailed(put(store, 'lost'));
      await storeFailed(store.counts());
      expect(performance.now() - begun).to.be.below(6000);
      await own.restart();
      await sooner(
        10_000,
        () =>
          store.get(id).then(
            (found) => found?.id === id,
            () => false,
          ),
        'the message',
      );
      expect(await store.claim('one', 9000, 1000, 10), 'others settle first').to.deep.equal([]);
      expect(await store.nextDue()).to.be.greaterThan(5000);
      await sooner(10_000, async () => (await store.claim('one', 9000, 1000, 10)).length === 1, 'a claim');
    } finally {
      await own.stop();
    }
  });

  it('waits for a server that is back in time, and the sender gets his 250', async function () {
    this.timeout(40_000);
    const own = await PostgresServer.start({ synced: false });
    try {
      const store = await open(await own.newDatabase(), { patience: 10_000 });
      await own.halt();
      const id = put(store, 'patience');
      await pause(300);
      await own.restart();
      expect(String(await contentOf(store, await id))).to.equal('patience');
    } finally {
      await own.stop();
    }
  });

  it('gives up on a statement that waits too long for others, and nothing of it is left', async () => {
    const url = await postgres.server.newDatabase();
    const store = await open(url, { patience: 500 });
    await put(store, 'before');
    const locked = postgres.server.ask(
      'BEGIN; LOCK TABLE lonedot.message IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(2); COMMIT',
      url,
    );
    await pause(200);
    const error = await storeFailed(put(store, 'during'));
    expect(error.message).to.match(/timeout|lock/);
    await locked;
    await pause(300);
    expect((await store.counts()).messages).to.equal(1);
    await put(store, 'after');
  });

  it('hears others again after its listening connection was ended', async () => {
    const url = await postgres.server.newDatabase();
    const [store, other] = [await open(url), await open(url)];
    let told = 0;
    store.watch(() => told++);
    await postgres.server.ask(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'lonedot listening'",
      url,
    );
    await sooner(5000, async () => told > 0, 'a look meanwhile');
    await pause(1500);
    await sooner(
      8000,
      async () => {
        const before = told;
        await put(other, 'x', to('relay', 'a@x'));
        await pause(400);
        return told > before;
      },
      'a call',
    );
  });

  it('removes the pieces of deleted messages, of given-up uploads, and of nodes that have died', async () => {
    const url = await postgres.server.newDatabase();
    const store = await open(url);
    const pieces = async (): Promise<unknown> =>
      (
        await postgres.server.ask(
          'SELECT (SELECT count(*) FROM lonedot.piece)::int AS n, (SELECT count(*) FROM lonedot.loose)::int AS loose',
          url,
        )
      )[0];
    const none = { n: 0, loose: 0 };
    await store.delete([await put(store, pattern(1_000_000))]);
    await sooner(5000, async () => JSON.stringify(await pieces()) === JSON.stringify(none), 'a sweep');
    const given = store.begin();
    await given.write(pattern(900_000));
    given.abort();
    await sooner(5000, async () => JSON.stringify(await pieces()) === JSON.stringify(none), 'another');
    const dead = store.begin();
    await dead.write(pattern(900_000));
    await sooner(5000, async () => ((await pieces()) as { n: number }).n > 0, 'pieces');
    await postgres.server.ask('UPDATE lonedot.loose SET touched_at = 0', url);
    await (await open(url)).close();
    await sooner(5000, async () => ((await pieces()) as { n: number }).n === 0, 'a third');
    await storeFailed(dead.commit(newMessage()));
  });

  it('takes in no more than its number of connections', async () => {
    const url = await postgres.server.newDatabase();
    const store = await open(url);
    await Promise.all(Array.from({ length: 200 }, (_, i) => (i % 2 ? put(store, pattern(100_000)) : store.counts())));
    const rows = await postgres.server.ask(
      "SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'lonedot%'",
      url,
    );
    const [{ n } = {}] = rows as { n: number }[];
    expect(n).to.be.at.most(9);
  });
});
