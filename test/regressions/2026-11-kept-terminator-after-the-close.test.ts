// With `keep` the last piece holds the terminator, so piece and end of frame come from one place in the framer.
// A handler that closed in that piece was still told of the end of the frame, against rule 4.
// Found by a session that said its last word while it took in the end of a message.
import { expect } from 'chai';
import { AsyncChat } from '../../src/chat.ts';
import { memoryTransportPair } from '../../src/memory-transport.ts';

class ClosesInThePiece extends AsyncChat {
  readonly events: string[] = [];

  protected collectIncomingData(data: Buffer): void {
    this.events.push(data.toString('latin1'));
    this.closeWhenDone();
  }

  protected foundTerminator(): void {
    this.events.push('T');
  }

  protected override handleClose(): void {
    this.events.push('closed');
    this.done();
  }

  done: () => void = () => {};
}

describe('regression: a kept terminator after the close', () => {
  it('is not told to a handler that closed in the piece that held it', async () => {
    const [near, far] = memoryTransportPair();
    const chat = new ClosesInThePiece(near);
    chat.setTerminator(Buffer.from('\r\n'), { keep: true });
    far.on('data', () => {});
    far.on('end', () => far.end());
    const closed = new Promise<void>((resolve) => {
      chat.done = resolve;
    });
    far.write(Buffer.from('x\r\ny\r\n'));
    await closed;
    expect(chat.events).to.deep.equal(['x\r\n', 'closed']);
  });
});
