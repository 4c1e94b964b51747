// Mails of every kind, as bytes, for the tests of reading them and of what is checked in them. Written here and not kept
// as files, so that line ends, 8-bit bytes and sizes are seen and nothing on the way can change them.

/** Lines joined with CRLF; each character is one byte. */
export function bytesOf(...lines: readonly string[]): Buffer {
  return Buffer.from(lines.join('\r\n'), 'latin1');
}

/** The same for text beyond Latin-1, in UTF-8. */
export function utf8Of(...lines: readonly string[]): Buffer {
  return Buffer.from(lines.join('\r\n'), 'utf8');
}

const HEAD = ['From: Ann <ann@x.example>', 'To: bob@x.example', 'Subject: Hi', 'MIME-Version: 1.0'];
const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

export const PLAIN = bytesOf(
  ...HEAD,
  'Message-ID: <one@x.example>',
  'Date: Sun, 22 Nov 2026 10:00:00 +0100',
  '',
  'Hello,',
  '',
  'this is text.',
  '',
);

/** Text and HTML, with a picture that the HTML shows, another that it does not, and a file. */
export const NEWSLETTER = bytesOf(
  ...HEAD,
  'Content-Type: multipart/mixed; boundary="outer"',
  '',
  'For those without MIME.',
  '--outer',
  'Content-Type: multipart/alternative; boundary=alt',
  '',
  '--alt',
  'Content-Type: text/plain; charset=utf-8',
  '',
  'plain words',
  '--alt',
  'Content-Type: multipart/related; boundary="rel"; type="text/html"',
  '',
  '--rel',
  'Content-Type: text/html; charset=utf-8',
  'Content-Transfer-Encoding: quoted-printable',
  '',
  '<style>p { color: red }</style><p>HTML w=C3=B6rds</p><img src=3D"cid:logo@x.example">=',
  '<script>no()</script>',
  '--rel',
  'Content-Type: image/png',
  'Content-ID: <logo@x.example>',
  'Content-Transfer-Encoding: base64',
  '',
  PNG,
  '--rel',
  'Content-Type: image/png; name="unused.png"',
  'Content-ID: <unused@x.example>',
  'Content-Transfer-Encoding: base64',
  '',
  PNG,
  '--rel--',
  '',
  '--alt--',
  '--outer',
  'Content-Type: application/pdf; name="ignored.pdf"',
  'Content-Disposition: attachment;',
  " filename*0*=utf-8''Rechnung%20;",
  ' filename*1*=%E2%82%AC;',
  ' filename*2=" 17.pdf"',
  'Content-Transfer-Encoding: base64',
  '',
  'aGVsbG8=',
  '--outer--',
  'epilogue',
  '',
);

export const CALENDAR = bytesOf(
  ...HEAD,
  'Content-Type: multipart/alternative; boundary=b',
  '',
  '--b',
  '',
  'You are invited',
  '--b',
  'Content-Type: text/calendar; method=REQUEST; charset=utf-8',
  '',
  'BEGIN:VCALENDAR',
  'END:VCALENDAR',
  '--b',
  'Content-Type: text/x-amp-html',
  '',
  '<html amp4email></html>',
  '--b--',
);

export const SIGNED = bytesOf(
  ...HEAD,
  'Content-Type: multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256; boundary=s',
  '',
  '--s',
  'Content-Type: text/plain',
  '',
  'signed words',
  '--s',
  'Content-Type: application/pkcs7-signature; name=smime.p7s',
  'Content-Disposition: attachment; filename=smime.p7s',
  'Content-Transfer-Encoding: base64',
  '',
  'MIIB',
  '--s--',
);

export const ENCRYPTED = bytesOf(
  ...HEAD,
  'Content-Type: application/pkcs7-mime; smime-type=enveloped-data',
  'Content-Transfer-Encoding: base64',
  '',
  'MIIB',
);

export const TNEF = bytesOf(
  ...HEAD,
  'Content-Type: multipart/mixed; boundary=t',
  '',
  '--t',
  '',
  'see winmail',
  '--t',
  'Content-Type: application/ms-tnef',
  'Content-Transfer-Encoding: base64',
  '',
  'eJ8+Ig==',
  '--t--',
);

/** A mail in a mail, of which every byte counts. */
export const FORWARDED = bytesOf(
  ...HEAD,
  'Content-Type: multipart/mixed; boundary=f',
  '',
  '--f',
  '',
  'see below',
  '--f',
  'Content-Type: message/rfc822',
  '',
  'Subject: inner',
  'Content-Type: multipart/mixed; boundary=g',
  '',
  '--g',
  '',
  'inner words',
  '--g--',
  '',
  '--f--',
);

export const BOUNCE = bytesOf(
  ...HEAD,
  'Content-Type: multipart/report; report-type=delivery-status; boundary=r',
  '',
  '--r',
  '',
  'It failed.',
  '--r',
  'Content-Type: message/delivery-status',
  '',
  'Reporting-MTA: dns; x.example',
  '--r',
  'Content-Type: text/rfc822-headers',
  '',
  'Subject: lost',
  '--r--',
);

export const DIGEST = bytesOf(
  ...HEAD,
  'Content-Type: multipart/digest; boundary=d',
  '',
  '--d',
  '',
  'Subject: first',
  '',
  'one',
  '--d',
  '',
  'Subject: second',
  '',
  'two',
  '--d--',
);

/** 300 multiparts in each other with the outermost boundary first. */
export function nested(depth: number): Buffer {
  const open = Array.from(
    { length: depth },
    (_, i) => `Content-Type: multipart/mixed; boundary=b${i}\r\n\r\n--b${i}\r\n`,
  );
  return Buffer.from(`Subject: deep\r\n${open.join('')}\r\nthe bottom\r\n`);
}

/** Mails that are broken or hostile, each with a name. */
export const HOSTILE: Readonly<Record<string, Buffer>> = {
  'nothing at all': Buffer.alloc(0),
  'an empty line': bytesOf('', ''),
  'a header only': bytesOf(...HEAD),
  'a header without a line end': Buffer.from('Subject: x'),
  'a body only': Buffer.from('just words\nand more'),
  'bare line feeds': Buffer.from(PLAIN.toString('latin1').replaceAll('\r\n', '\n'), 'latin1'),
  'bare carriage returns': Buffer.from(PLAIN.toString('latin1').replaceAll('\r\n', '\r'), 'latin1'),
  'binary garbage': Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * 7919 + (i >> 3) * 104729) & 255)),
  'zero bytes': Buffer.alloc(10_000),
  'a line of 5 MB': Buffer.concat([bytesOf('Subject: x', '', ''), Buffer.alloc(5_000_000, 'a')]),
  'a header of 5 MB': Buffer.concat([Buffer.from('Subject: '), Buffer.alloc(5_000_000, 'a '), bytesOf('', '', 'body')]),
  '10,000 fields': Buffer.from(`${Array.from({ length: 10_000 }, (_, i) => `X-${i}: ${i}`).join('\r\n')}\r\n\r\nbody`),
  '100,000 fields': Buffer.from(`${'A: b\r\n'.repeat(100_000)}\r\nbody`),
  '100,000 folds': Buffer.from(`Subject: x\r\n${' y\r\n'.repeat(100_000)}\r\nbody`),
  '1,000 levels': nested(1000),
  '30,000 parts': Buffer.from(
    `Content-Type: multipart/mixed; boundary=b\r\n\r\n${'--b\r\n\r\nx\r\n'.repeat(30_000)}--b--`,
  ),
  'a million delimiters of nobody': Buffer.from(
    `Content-Type: multipart/mixed; boundary=b\r\n\r\n${'--c\n'.repeat(1_000_000)}`,
  ),
  'a boundary within itself': bytesOf(
    'Content-Type: multipart/mixed; boundary=b',
    '',
    ...Array.from({ length: 200 }, () => ['--b', 'Content-Type: multipart/mixed; boundary=b', '']).flat(),
    'end',
  ),
  '50,000 addresses': Buffer.from(
    `To: ${Array.from({ length: 50_000 }, (_, i) => `"N, ${i}" <a${i}@x.example>`).join(',\r\n ')}\r\n\r\n`,
  ),
  'an address of 1 MB': Buffer.from(
    `From: ${'a'.repeat(1_000_000)}@x.example\r\nTo: ${'<'.repeat(500_000)}\r\nCc: ${'"'.repeat(500_001)}\r\n\r\n`,
  ),
  'groups in groups': Buffer.from(`To: ${'g:'.repeat(50_000)}a@x.example${';'.repeat(50_000)}\r\n\r\n`),
  'comments in comments': Buffer.from(
    `Content-Type: text/plain ${'('.repeat(200_000)}; charset=${'"\\'.repeat(100_000)}\r\n\r\nx`,
  ),
  '100,000 parameters': Buffer.from(
    `Content-Type: text/plain${'; a=b'.repeat(100_000)}${'; x*0*=%41'.repeat(1000)}\r\n\r\nx`,
  ),
  'encoded words without end': Buffer.from(`Subject: ${'=?utf-8?B?'.repeat(100_000)}\r\n\r\n`),
  '200,000 encoded words': Buffer.from(`Subject: ${'=?utf-8?Q?=FF?= '.repeat(200_000)}\r\n\r\n`),
  'an unknown charset': bytesOf('Content-Type: text/plain; charset="?= \u0007"', '', 'w\xf6rds'),
  'an unknown encoding': bytesOf('Content-Transfer-Encoding: rot13', '', 'uryyb'),
  'broken base64': bytesOf('Content-Transfer-Encoding: base64', '', 'aGV*s\u0000bG8', '=', '==x', '--'),
  'broken quoted-printable': bytesOf(
    'Content-Transfer-Encoding: quoted-printable',
    '',
    '=',
    '=4',
    '=ZZ=C3=',
    '=3',
    'end=',
  ),
  'tags that never close': Buffer.from(
    `Content-Type: text/html\r\n\r\n${'<a href="x'.repeat(1000)}${'<div><a>'.repeat(200_000)}${'</p>'.repeat(200_000)}`,
  ),
  'comments that never close': Buffer.from(
    `Content-Type: text/html\r\n\r\n${'<!--'.repeat(300_000)}<style>${'@media{'.repeat(100_000)}`,
  ),
  'entities without end': Buffer.from(
    `Content-Type: text/html\r\n\r\n${'&amp'.repeat(200_000)}&#x${'F'.repeat(100_000)};&#999999999999;`,
  ),
  'a name that climbs': bytesOf(
    'Content-Type: application/pdf',
    'Content-Disposition: attachment; filename="../../..\\..\\etc/passwd\u0000\u0007.pdf"',
    '',
    'x',
  ),
  'prototype names': bytesOf(
    '__proto__: x',
    'constructor: y',
    'Content-Type: text/plain; __proto__=a; constructor=b; toString*0=c',
    '',
    'x',
  ),
};
