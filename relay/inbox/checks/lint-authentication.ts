// Lint of what a mail says about who vouches for it: the syntax of DKIM-Signature, Received-SPF and
// Authentication-Results. Nothing is verified: that needs the DNS of a mail that was really sent.
import type { LintContext, Report } from './lint.ts';
import { show } from './lint-header.ts';

const MAX_FIELDS = 50;
const DKIM = 'RFC 6376 3.5';
const REQUIRED = ['v', 'a', 'b', 'bh', 'd', 'h', 's'];
const SPF_RESULTS = ['pass', 'fail', 'softfail', 'neutral', 'none', 'temperror', 'permerror'];
const AUTH_RESULTS = [...SPF_RESULTS, 'policy', 'hardfail', 'discard', 'nxdomain', 'skipped', 'bestguesspass'];
const DOMAIN = /^(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?\.)+[a-z0-9-]*[a-z0-9]\.?$/i;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

export function lintAuthentication({ root, report, now }: LintContext): void {
  let signatures = 0;
  for (const { name, raw } of root.fields) {
    const field = name.toLowerCase();
    if (field === 'dkim-signature' && signatures++ < MAX_FIELDS) lintDkim(report, raw, now);
    else if (field === 'received-spf') lintSpf(report, raw);
    else if (field === 'authentication-results') lintResults(report, raw);
  }
  if (signatures === 0) report('info', 'no-dkim', 'header', 'RFC 6376', 'the mail is not signed (no DKIM-Signature)');
}

function lintDkim(report: Report, raw: string, now: number): void {
  const bad = (text: string) => report('error', 'bad-dkim', 'DKIM-Signature', DKIM, text);
  const tags = tagsOf(raw, bad);
  for (const tag of REQUIRED) if (!tags.has(tag)) bad(`the tag ${tag}= is missing`);
  const value = (tag: string) => tags.get(tag) ?? '';
  if (tags.has('v') && value('v') !== '1') bad(`v= must be 1, not ${show(value('v'))}`);
  if (value('a') === 'rsa-sha1')
    report('error', 'weak-dkim', 'DKIM-Signature', 'RFC 8301 3.1', 'rsa-sha1 must not be used any more');
  else if (tags.has('a') && !['rsa-sha256', 'ed25519-sha256'].includes(value('a')))
    bad(`a= names no algorithm: ${show(value('a'))}`);
  for (const tag of ['b', 'bh']) {
    if (tags.has(tag) && !BASE64.test(value(tag).replace(/\s+/g, ''))) bad(`${tag}= is no base64`);
  }
  if (tags.has('d') && !DOMAIN.test(value('d'))) bad(`d= is no domain: ${show(value('d'))}`);
  if (tags.has('h') && !/(?:^|:)\s*from\s*(?::|$)/i.test(value('h'))) bad('h= must have From among the signed fields');
  if (tags.has('c') && !/^(?:simple|relaxed)(?:\/(?:simple|relaxed))?$/.test(value('c')))
    bad(`c= must be simple or relaxed: ${show(value('c'))}`);
  const identity = value('i').split('@').at(-1)!.toLowerCase();
  const domain = value('d').toLowerCase();
  if (tags.has('i') && identity !== domain && !identity.endsWith(`.${domain}`))
    bad('the domain of i= must be d= or one below it');
  if (tags.has('l'))
    report(
      'warning',
      'dkim-length',
      'DKIM-Signature',
      'RFC 6376 8.2',
      'with l= anybody can add to the body of the mail',
    );
  const [made, expires] = [Number(value('t')), Number(value('x'))];
  if (tags.has('x') && tags.has('t') && !(expires > made)) bad('it expires (x=) before it was made (t=)');
  else if (tags.has('x') && expires * 1000 < now)
    report('warning', 'expired-dkim', 'DKIM-Signature', DKIM, 'the signature has expired (x=)');
}

/** RFC 6376 3.2. */
function tagsOf(raw: string, bad: (text: string) => void): Map<string, string> {
  const tags = new Map<string, string>();
  for (const each of raw.slice(0, 64 * 1024).split(';')) {
    if (each.trim() === '') continue;
    const [, name, value = ''] = /^\s*([A-Za-z]\w*)\s*=([\s\S]*)$/.exec(each) ?? [];
    if (name === undefined) bad(`${show(each.trim())} is no tag`);
    else if (tags.has(name)) bad(`the tag ${name}= stands there twice`);
    else tags.set(name, value.trim());
  }
  return tags;
}

function lintSpf(report: Report, raw: string): void {
  const result = raw
    .trim()
    .split(/[\s(;]/, 1)[0]!
    .toLowerCase();
  if (!SPF_RESULTS.includes(result))
    report(
      'error',
      'bad-received-spf',
      'Received-SPF',
      'RFC 7208 9.1',
      `${show(result)} is no result; allowed are ${SPF_RESULTS.join(', ')}`,
    );
}

/** `mx.example; spf=pass smtp.mailfrom=x.example; dmarc=fail header.from=x.example`. */
function lintResults(report: Report, raw: string): void {
  const bad = (text: string) =>
    report('error', 'bad-authentication-results', 'Authentication-Results', 'RFC 8601 2.2', text);
  const [server = '', ...results] = raw
    .slice(0, 16 * 1024)
    .replace(/\([^()]*\)/g, ' ')
    .split(';')
    .map((each) => each.trim());
  if (!/^[^\s=]+(?:\s+\d+)?$/.test(server))
    bad(`it must begin with the name of the server that tested: ${show(server)}`);
  const told = results.filter((each) => each !== '');
  if (told.length === 0) bad('it tells no result, not even none');
  for (const each of told) {
    if (/^none$/i.test(each)) continue;
    const [, method, result = ''] = /^([a-z][a-z0-9-]*)(?:\s*\/\s*\d+)?\s*=\s*([a-z]+)/i.exec(each) ?? [];
    if (method === undefined) bad(`${show(each)} is no method=result`);
    else if (!AUTH_RESULTS.includes(result.toLowerCase())) bad(`${show(result)} is no result of ${method}`);
    else if (method.toLowerCase() === 'dmarc' && !/\bheader\.from\s*=/i.test(each))
      report(
        'warning',
        'dmarc-without-from',
        'Authentication-Results',
        'RFC 7489 11.2',
        'the result of dmarc does not say for which header.from',
      );
  }
}
