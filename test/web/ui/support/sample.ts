// Mails as a developer's inbox has them: for screenshots, and for looking at the page with something in it.
import type { FakeServer } from './fake-server.ts';

/** One pixel and a bit more: a picture of 24 by 16. */
const PICTURE = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAABgAAAAQCAIAAACDRijCAAAAJ0lEQVR42mNQTbpNFcQwatCoQaMGjRo0atCoQaMGjRo0atCoQUPFIADcQ2kCzQ1LrgAAAABJRU5ErkJggg==',
  'base64',
);

const ORDER = `<!doctype html><html><head><style>
body{margin:0;background:#f4f4f5;font-family:Helvetica,Arial,sans-serif;color:#27272a}
.card{max-width:560px;margin:24px auto;background:#fff;border-radius:12px;padding:28px}
h1{font-size:22px;margin:0 0 12px}.total{font-weight:700}table{width:100%;border-collapse:collapse}
td{padding:9px 0;border-bottom:1px solid #e4e4e7}td:last-child{text-align:right}
.go{display:inline-block;margin-top:20px;background:#14532d;color:#fff;padding:11px 18px;border-radius:8px;text-decoration:none}
</style></head><body><div class="card"><h1>Thank you for your order</h1>
<p>Hello Jo, we have your order <strong>4711</strong> and pack it today.</p>
<table><tr><td>Tea, Assam, 250 g</td><td>9.80</td></tr><tr><td>Cup, blue</td><td>14.00</td></tr>
<tr class="total"><td>Total</td><td>23.80</td></tr></table>
<a class="go" href="https://shop.example.com/orders/4711">See your order</a>
<img src="https://shop.example.com/pixel.gif" alt="" width="1" height="1"></div></body></html>`;

const SUBJECTS: readonly (readonly [from: string, to: string, subject: string, text: string, tags?: string[]])[] = [
  [
    'Shop <orders@shop.example.com>',
    'Jo Miller <jo@example.net>',
    'Your order 4711',
    'Hello Jo, we have your order 4711 and pack it today.',
    ['checkout'],
  ],
  [
    'Accounts <no-reply@app.example.com>',
    'kim@example.net',
    'Your code is 492817',
    'Use 492817 to log in. It is good for ten minutes.',
    ['auth'],
  ],
  [
    'Accounts <no-reply@app.example.com>',
    'kim@example.net',
    'Reset your password',
    'Somebody asked for a new password: https://app.example.com/reset/9f2c',
  ],
  [
    'Reports <cron@ci.example.com>',
    'team@example.net',
    'Nightly build 2291 failed',
    '3 of 1482 tests failed: checkout.spec.ts, mail.spec.ts, search.spec.ts',
    ['ci'],
  ],
  [
    'Mara Lindt <mara@example.org>',
    'Support <help@example.net>',
    'Re: Where is my parcel?',
    'Thank you, it came this morning. The cup is lovely.',
  ],
  [
    'Newsletter <news@shop.example.com>',
    'jo@example.net',
    'New teas this autumn',
    'Six new teas from Nepal, and free shipping until Sunday.',
    ['marketing'],
  ],
  [
    'Billing <billing@app.example.com>',
    'Ana Reis <ana@example.net>',
    'Invoice 2026-0114',
    'Please find your invoice attached.',
    ['billing'],
  ],
  [
    'Calendar <calendar@app.example.com>',
    'team@example.net',
    'Invitation: Retro, Thursday 15:00',
    'Mara has invited you to a meeting.',
  ],
];

export function sample(server: FakeServer): void {
  const now = Date.now();
  for (let i = 40; i >= 1; i--) {
    const [from, to, subject, text, tags = []] = SUBJECTS[i % SUBJECTS.length]!;
    server.put({ from, to, subject, text, tags: [...tags], read: i > 4, created: now - i * 4_000_000 });
  }
  const [from, to, subject, text, tags = []] = SUBJECTS[0]!;
  server.put({
    from,
    to,
    subject,
    text,
    html: ORDER,
    tags: [...tags],
    created: now - 60_000,
    listUnsubscribe: '<https://shop.example.com/unsubscribe/1>, <mailto:leave@shop.example.com>',
    parts: [
      { partId: '2', fileName: 'order-4711.png', contentType: 'image/png', bytes: PICTURE },
      {
        partId: '3',
        fileName: 'order-4711.csv',
        contentType: 'text/csv',
        bytes: Buffer.from('item;price\ntea;9.80\ncup;14.00\n'),
      },
    ],
  });
  const hour = new Date(now - 3_600_000).toISOString();
  server.namespaces = [
    {
      name: 'checkout-tests',
      createdAt: hour,
      expiresAt: new Date(now + 3_600_000).toISOString(),
      recipients: ['*+checkout-tests@*'],
      users: ['checkout-tests'],
      ports: [],
      headers: [],
    },
    {
      name: 'staging',
      createdAt: hour,
      expiresAt: null,
      recipients: ['@staging.example.net'],
      users: [],
      ports: [2525],
      headers: ['X-Env: staging'],
    },
  ];
  server.faults = [
    { id: 'f1', phase: 'rcpt', to: '*@full.example.com', reply: '452 4.2.2 Mailbox full', hits: 3, matches: 3 },
    { id: 'slow', phase: 'dot', delay: 2500, every: 5, hits: 12, matches: 61 },
  ];
}
