// How rows of the behaviour corpus are tested: the bytes of a row on a real socket, and again in memory under every cut in
// two, byte by byte, and at random. What must come out is the same each time.
import { expect } from 'chai';
import { everySplit } from '../../../src/testing.ts';
import { socketTransport } from '../../../src/transport.ts';
import { turn } from '../../support/within.ts';
import type { Client } from '../support/client.ts';
import { Scene, type SceneOptions } from '../support/sessions.ts';

/** Where the bytes of a row begin: behind the 220, behind EHLO (HELLO), in a transaction (ENV), behind the 354 (D). */
export type Place = 'greeted' | 'hello' | 'envelope' | 'data';

export interface Row {
  /** `E17`, or several: `E3 E15`. */
  readonly row: string;
  readonly title: string;
  readonly at: Place;
  readonly wire: string;
  /** The beginning of each reply: code, or code and enhanced code. */
  readonly replies: readonly string[];
  /** Messages without our trace line; none when it is left out. */
  readonly stored?: readonly string[];
  /** The server ends the connection behind the replies; otherwise it must still answer NOOP and QUIT. */
  readonly closes?: boolean;
  readonly options?: SceneOptions;
}

export interface Played {
  readonly replies: readonly string[];
  readonly stored: readonly string[];
}

const GOES_ON = ['250', '221'];

/** One test on a socket, one under every cut. */
export function testRow(row: Row): void {
  const expected: Played = {
    replies: row.closes ? row.replies : [...row.replies, ...GOES_ON],
    stored: row.stored ?? [],
  };
  const shown = ({ replies, stored }: Played): Played => ({
    replies: replies.map((reply, i) => {
      const beginning = expected.replies[i] ?? '';
      return reply.startsWith(beginning) && beginning !== '' ? beginning : reply;
    }),
    stored,
  });

  it(`${row.row} ${row.title} (socket)`, async () => {
    expect(shown(await play(row, [Buffer.from(row.wire, 'latin1')], 'socket'))).to.deep.equal(expected);
  });

  it(`${row.row} ${row.title} (every cut)`, async () => {
    const result = await everySplit(row.wire, async (chunks) => shown(await play(row, chunks, 'memory')), {
      random: 20,
    });
    expect(result).to.deep.equal(expected);
  });
}

/** Sends these pieces, each in a turn of its own, then NOOP and QUIT; gives all replies and what was stored. */
export async function play(
  row: Pick<Row, 'at' | 'options' | 'closes'>,
  chunks: readonly Buffer[],
  over: 'memory' | 'socket',
): Promise<Played> {
  const scene = new Scene(row.options);
  try {
    const client = await arrive(scene, row.at, over);
    for (const chunk of chunks) {
      client.send(chunk);
      await turn();
    }
    if (!row.closes) client.send('NOOP\r\nQUIT\r\n');
    const replies = await client.rest();
    return { replies, stored: scene.bodies };
  } finally {
    await scene.close();
  }
}

/** A client that is where the row begins. */
export async function arrive(scene: Scene, at: Place, over: 'memory' | 'socket'): Promise<Client> {
  const transport = over === 'memory' ? scene.inMemory() : socketTransport(await scene.socket());
  if (at === 'data') return scene.inData(transport);
  if (at === 'envelope') return scene.withEnvelope(transport);
  const client = await scene.greeted(transport);
  if (at === 'hello') await client.say('EHLO c.example');
  return client;
}
