// `"a>b"@x.example` is an address (RFC 5321 4.1.2), and was taken. nodemailer refuses any address with < or >, and with
// it the whole mail: one such recipient bounced the mail of all the others.
// The address goes out as it came.
import { expect } from 'chai';
import { Post } from '../relay/support/queues.ts';
import { Upstream } from '../relay/support/upstream.ts';

describe('2026-11: angle brackets in a quoted local part', () => {
  it('reach the upstream as they came, and so does the mail of the others', async () => {
    const upstream = await Upstream.start();
    const post = await Post.open({ upstreams: [upstream.url] });
    try {
      await post.submit('x\r\n', 'b@x.example', '"a>b"@x.example', '"<"@x.example');
      await post.logged('message.delivered', 3);
      const recipients = ['RCPT TO:<b@x.example>', 'RCPT TO:<"a>b"@x.example>', 'RCPT TO:<"<"@x.example>'];
      expect(upstream.mails.map(({ to }) => to)).to.deep.equal([recipients]);
    } finally {
      await post.close();
      await upstream.stop();
    }
  });
});
