// A client that begins with TLS on the plain port sends no line end, so no command was ever complete: both sides waited
// until the idle time-out, five minutes later, and the user saw a program that hangs.
// The first byte of a TLS record can begin no command.
import { expect } from 'chai';
import { everySplit } from '../../src/testing.ts';
import { Scene } from '../relay/support/sessions.ts';

describe('2026-11: a TLS hello on the plain port', () => {
  it('is answered at its first byte, and the connection ends', async () => {
    const hello = Buffer.from('16030100fa010000f603030d0a', 'hex');
    const replies = await everySplit(hello, async (chunks) => {
      const client = await new Scene().greeted();
      for (const chunk of chunks) client.send(chunk);
      return client.rest();
    });
    expect(replies).to.deep.equal(['500 5.5.2 TLS cannot start here: this port begins with SMTP']);
  });

  it('is no hello within a line', async () => {
    const client = await new Scene().greeted();
    expect(await client.codes('NOOP \x16', 'NOOP')).to.deep.equal(['500', '250']);
  });
});
