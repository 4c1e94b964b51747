// The API of the fake server.

import {
  addr,
  envelopeOf,
  type FakeMail,
  headersOf,
  messageOf,
  rawOf,
  summaryOf,
  transcriptOf,
  treeOf,
} from './fake-mail.ts';
import type { FakeServer } from './fake-server.ts';

export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly content: string | Buffer;
}

/** What a mail's HTML may do in the frame: styles of its own, images that stand in it. */
const MAIL_POLICY =
  "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";
const MAIL_POLICY_REMOTE = MAIL_POLICY.replace('img-src data:', 'img-src data: http: https:');

/** What may stand in what is sent. */
interface Sent {
  readonly IDs?: readonly string[];
  readonly Search?: string;
  readonly Read?: boolean;
  readonly Tags?: string[];
  readonly name?: string;
  readonly reply?: string;
  readonly faults?: readonly ({ readonly id: string } & Sent)[];
}

type Body = Sent | undefined;

const json = (value: unknown, status = 200): Answer => ({
  status,
  headers: { 'Content-Type': 'application/json' },
  content: JSON.stringify(value),
});
const text = (content: string, status = 200): Answer => ({
  status,
  headers: { 'Content-Type': 'text/plain' },
  content,
});

export function answerApi(
  server: FakeServer,
  method: string,
  path: string,
  query: URLSearchParams,
  body: unknown,
): Answer | undefined {
  const sent = body as Body;
  const start = Number(query.get('start') ?? 0);
  const limit = Number(query.get('limit') ?? 50);
  switch (`${method} ${path}`) {
    case 'GET api/v1/messages':
      return list(server, server.mails, start, limit);
    case 'GET api/v1/search':
      return search(server, query.get('query') ?? '', start, limit);
    case 'PUT api/v1/messages':
      return mark(server, sent);
    case 'DELETE api/v1/messages':
      return remove(server, sent?.IDs);
    case 'DELETE api/v1/search':
      return remove(
        server,
        matching(server, query.get('query') ?? '').map(({ id }) => id),
      );
    case 'PUT api/v1/tags':
      return tag(server, sent);
    case 'GET api/v1/webui':
      return json(server.webUi);
    case 'GET api/lonedot/v1/info':
      return json({ version: '0.1.0', smtp: server.smtp });
    case 'GET api/lonedot/v1/namespaces':
      return json({ namespaces: server.namespaces.map((one) => ({ ...one, messages: 12, unread: 3 })) });
    case 'POST api/lonedot/v1/namespaces':
      return newNamespace(server, sent);
    case 'GET api/lonedot/v1/faults':
      return json({ faults: server.faults });
    case 'POST api/lonedot/v1/faults':
      return newFault(server, sent);
    case 'PUT api/lonedot/v1/faults':
      return replaceFaults(server, sent);
    case 'DELETE api/lonedot/v1/faults':
      server.faults = [];
      return { status: 204, content: '' };
  }
  const [, kind, name] = /^api\/lonedot\/v1\/(namespaces|faults)\/([^/]+)$/.exec(path) ?? [];
  if (kind === 'namespaces' && method === 'DELETE') {
    server.namespaces = server.namespaces.filter((one) => one.name !== name);
    return { status: 204, content: '' };
  }
  if (kind === 'faults' && method === 'DELETE') {
    server.faults = server.faults.filter((one) => one.id !== name);
    return { status: 204, content: '' };
  }
  return ofMail(server, method, path, query);
}

function ofMail(server: FakeServer, method: string, path: string, query: URLSearchParams): Answer | undefined {
  const [, api, id, rest = ''] = /^api\/(v1\/message|lonedot\/v1\/messages)\/([^/]+)\/?(.*)$/.exec(path) ?? [];
  const mail = server.mails.find((one) => one.id === id);
  if (mail === undefined) return undefined;
  const [first = '', second = ''] = rest.split('/');
  switch (`${method} ${api} ${first}`) {
    case 'GET v1/message ':
      markOne(server, mail, true);
      return json(messageOf(mail));
    case 'GET v1/message raw':
      return text(rawOf(mail));
    case 'GET v1/message part': {
      const part = mail.parts.find(({ partId }) => partId === second);
      return part && { headers: { 'Content-Type': part.contentType }, content: part.bytes };
    }
    case 'POST v1/message release':
      return text('ok');
    case 'GET v1/message html-check':
      return json(HTML_CHECK);
    case 'GET v1/message link-check':
      return json({ Errors: 1, Links: LINKS });
    case 'GET lonedot/v1/messages ':
      return json(envelopeOf(mail));
    case 'GET lonedot/v1/messages headers':
      return json({ headers: headersOf(mail) });
    case 'GET lonedot/v1/messages structure':
      return json({ tree: treeOf(mail) });
    case 'GET lonedot/v1/messages transcript':
      return json({ lines: transcriptOf(mail) });
    case 'GET lonedot/v1/messages lint':
      return json({
        findings: [{ level: 'warning', rule: 'line-length', message: 'line 12 has 1024 bytes, 998 may be' }],
      });
    case 'GET lonedot/v1/messages diff': {
      const other = server.mails.find((one) => one.id === second);
      return other && json(compare(mail, other));
    }
    case 'GET lonedot/v1/messages html': {
      const policy = query.get('remote') === '1' ? MAIL_POLICY_REMOTE : MAIL_POLICY;
      const headers = { 'Content-Type': 'text/html; charset=utf-8', 'Content-Security-Policy': policy };
      // As the real one: the browser connects to a frame's server before it asks the policy.
      const content = mail.html.replaceAll(/<(\/?)(i?frame)(?=[\s/>])/gi, '<$1no-$2');
      return { headers, content };
    }
  }
  return undefined;
}

function list(server: FakeServer, found: readonly FakeMail[], start: number, limit: number): Answer {
  const messages = found.slice(start, start + limit).map(summaryOf);
  const unread = found.length === server.mails.length ? server.unread() : found.filter(({ read }) => !read).length;
  return json({
    total: server.mails.length,
    unread: server.unread(),
    count: messages.length,
    messages_count: found.length,
    messages_unread: unread,
    start,
    tags: [...new Set(server.mails.slice(0, 1000).flatMap(({ tags }) => tags))].sort(),
    messages,
  });
}

function search(server: FakeServer, query: string, start: number, limit: number): Answer {
  if (/\bfrm:/.test(query)) return text('unknown filter "frm:"; did you mean "from:"?\n', 400);
  return list(server, matching(server, query), start, limit);
}

/** Words and a few filters, all of which must hold. */
function matching(server: FakeServer, query: string): FakeMail[] {
  const terms = query.toLowerCase().split(/\s+/).filter(Boolean);
  return server.mails.filter((mail) =>
    terms.every((term) => {
      if (term === 'is:unread') return !mail.read;
      if (term === 'has:attachment') return mail.parts.length > 0;
      if (term.startsWith('tag:')) return mail.tags.includes(term.slice(4));
      if (term.startsWith('ns:')) return mail.to.includes(term.slice(3));
      if (term.startsWith('subject:')) return mail.subject.toLowerCase().includes(term.slice(8));
      return `${mail.from} ${mail.to} ${mail.subject} ${mail.text}`.toLowerCase().includes(term);
    }),
  );
}

function markOne(server: FakeServer, mail: FakeMail, read: boolean): void {
  if (mail.read === read) return;
  mail.read = read;
  server.tell('update', { ID: mail.id, Read: read });
}

function mark(server: FakeServer, body: Body): Answer {
  const ids = body?.IDs;
  const found = body?.Search !== undefined ? matching(server, body.Search) : server.mails;
  for (const mail of found) if (ids === undefined || ids.includes(mail.id)) markOne(server, mail, body?.Read === true);
  return text('ok');
}

function remove(server: FakeServer, ids: readonly string[] | undefined): Answer {
  if (ids === undefined) {
    server.mails = [];
    server.tell('truncate', null);
    return text('ok');
  }
  const gone = new Set(ids);
  server.mails = server.mails.filter(({ id }) => !gone.has(id));
  for (const id of ids) server.tell('delete', { ID: id });
  return text('ok');
}

function tag(server: FakeServer, body: Body): Answer {
  const { IDs: ids = [], Tags: tags = [] } = body ?? {};
  for (const mail of server.mails) {
    if (!ids.includes(mail.id)) continue;
    mail.tags = tags;
    server.tell('update', { ID: mail.id, Tags: tags });
  }
  return text('ok');
}

function newNamespace(server: FakeServer, body: Body): Answer {
  const name = body?.name ?? `ns-${server.namespaces.length + 1}`;
  if (server.namespaces.some((one) => one.name === name)) return text(`there is a namespace ${name} already\n`, 409);
  const made = {
    ...{ recipients: [`*+${name}@*`], users: [name], ports: [], headers: [] },
    ...body,
    name,
    createdAt: new Date().toISOString(),
    expiresAt: null,
  };
  server.namespaces.push(made);
  const smtp = { host: '127.0.0.1', port: 1025, username: name, password: name };
  return json({ ...made, smtp, apiBase: `${server.url}ns/${name}` }, 201);
}

function newFault(server: FakeServer, body: Body): Answer {
  const problem = faultProblem(body);
  if (problem) return text(problem, 400);
  const made = { id: `f${server.faults.length + 1}`, ...body, matches: 0, hits: 0 };
  server.faults.push(made);
  return json(made, 201);
}

function replaceFaults(server: FakeServer, body: Body): Answer {
  const rules = body?.faults ?? [];
  const problem = rules.map(faultProblem).find((one) => one !== undefined);
  if (problem) return text(problem, 400);
  server.faults = rules.map((rule) => ({ ...rule, matches: 0, hits: 0 }));
  return json({ faults: server.faults });
}

function faultProblem(body: Body): string | undefined {
  const reply = body?.reply;
  if (reply === undefined || /^[45]\d\d/.test(String(reply))) return undefined;
  return 'bad fault rule: reply: expected a code from 400 to 599\n';
}

function compare(one: FakeMail, other: FakeMail) {
  const hunks = (before: string, after: string) =>
    before === after
      ? [{ kind: 'same', lines: before.split('\n') }]
      : [
          { kind: 'removed', lines: before.split('\n') },
          { kind: 'added', lines: after.split('\n') },
        ];
  const subject = (mail: FakeMail): string => `Subject: ${mail.subject}\nTo: ${addr(mail.to).Address}`;
  return {
    same: one.subject === other.subject && one.text === other.text && one.html === other.html,
    headers: hunks(subject(one), subject(other)),
    text: hunks(one.text, other.text),
    html: hunks(one.html, other.html),
    tree: hunks('multipart/mixed', 'multipart/mixed'),
  };
}

const LINKS = [
  { URL: 'https://shop.example.com/orders/4711', StatusCode: 200, Status: 'OK' },
  { URL: 'https://shop.example.com/gone', StatusCode: 404, Status: 'Not Found' },
];

const HTML_CHECK = {
  Warnings: [
    {
      Slug: 'css-flexbox',
      Title: 'display:flex',
      Description: 'Lays out boxes in a line.',
      URL: 'https://www.caniemail.com/features/css-display-flex/',
      Category: 'css',
      Tags: [],
      Keywords: '',
      Results: [
        {
          Name: 'Outlook (Windows)',
          Platform: 'windows',
          Family: 'outlook',
          Version: '2019',
          Support: 'no',
          NoteNumber: '',
        },
        {
          Name: 'Gmail (Android)',
          Platform: 'android',
          Family: 'gmail',
          Version: '2024-01',
          Support: 'partial',
          NoteNumber: '1',
        },
      ],
      NotesByNumber: { '1': 'Not with accounts of other servers.' },
      Score: { Found: 3, Supported: 62, Partial: 14, Unsupported: 24 },
    },
  ],
  Platforms: {},
  Total: { Tests: 81, Nodes: 34, Supported: 91, Partial: 4, Unsupported: 5 },
};
