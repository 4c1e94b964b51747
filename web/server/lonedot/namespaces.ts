// Namespaces over HTTP: one call makes a part of the inbox and tells everything that a test needs to use it.
import { randomBytes } from 'node:crypto';
import type { NamespaceLogin } from '../../../relay/auth/namespace-logins.ts';
import type { Namespace, NewNamespace } from '../../../relay/inbox/inbox.ts';
import type { Namespaces } from '../../../relay/namespaces.ts';
import { parseAddress } from '../../../src/address.ts';
import { ChatError } from '../../../src/errors.ts';
import { parseDuration } from '../../../src/option-types.ts';
import type { Handler, Request, Web } from '../context.ts';
import { inboxOf } from '../frame/ask.ts';
import { readJson } from '../frame/body.ts';
import { publicRoot } from '../frame/mail-policy.ts';
import { Refusal } from '../frame/refusal.ts';
import { namespaceJson } from './json.ts';

const DEFAULT_TTL = '24h';
const MAX_TTL_MS = 366 * 86_400_000;
const WILDCARDS: ReadonlySet<string> = new Set(['0.0.0.0', '::']);

export const listNamespaces: Handler = async (c, web) => {
  const inbox = inboxOf(web);
  const namespaces = await inbox.namespaces();
  const counts = await Promise.all(namespaces.map(({ name }) => inbox.counts({ namespace: name })));
  return c.json({ namespaces: namespaces.map((one, i) => ({ ...namespaceJson(one), ...counts[i] })) });
};

/** Rejects with NAMESPACE_EXISTS, told as 409, and with BAD_NAMESPACE. */
export const createNamespace: Handler = async (c, web) => {
  const made = await newNamespace((await readJson(c)) ?? {}, namespacesOf(web), web.clock.now());
  const { namespace, logins } = await namespacesOf(web).create(made);
  return c.json(createdJson(c, web, namespace, logins), 201);
};

/** Fills in what is absent, also for a test that makes one without HTTP. Rejects with BAD_NAMESPACE. */
export async function newNamespace(given: unknown, namespaces: Namespaces, now: number): Promise<NewNamespace> {
  const { namespaceBody } = await import('./schemas.ts');
  const parsed = namespaceBody.safeParse(given);
  if (!parsed.success) throw new ChatError('BAD_NAMESPACE', await problemLine(parsed.error));
  const { name = `t${randomBytes(5).toString('hex')}`, ttl = DEFAULT_TTL, ...rules } = parsed.data;
  return {
    name,
    expiresAt: expiryOf(ttl, now),
    recipients: rules.recipients ?? [`*+${name}@*`, `*@${name}.test`],
    users: rules.users ?? [namespaces.userFor(name)],
    ports: rules.ports ?? [],
    headers: rules.headers ?? [`X-Lonedot-Namespace: ${name}`],
  };
}

export const deleteNamespace: Handler = async (c, web) => {
  const isDeleted = await namespacesOf(web).delete(c.req.param('name') ?? '');
  if (!isDeleted) throw new Refusal(404, 'there is no such namespace; it may have expired');
  return c.body(null, 204);
};

function namespacesOf({ namespaces }: Web): Namespaces {
  if (!namespaces) throw new Refusal(404, 'this server keeps no namespaces');
  return namespaces;
}

function createdJson(c: Request, web: Web, namespace: Namespace, logins: readonly NamespaceLogin[]) {
  const { name, recipients } = namespace;
  const [login] = logins;
  const base = `${publicRoot(c, web.options.webroot)}ns/${encodeURIComponent(name)}`;
  return {
    ...namespaceJson(namespace),
    smtp: { ...smtpPlace(c, web), ...(login ? { username: login.user, password: login.password } : {}) },
    /** Mail to it belongs to the namespace, whatever stands for the star. */
    addressPattern: recipients[0] ?? null,
    apiBase: base,
    ownApiBase: base.replace(/\/ns\/[^/]+$/, `/api/lonedot/v1/ns/${encodeURIComponent(name)}`),
  };
}

/** The first port, by the name by which the client has reached us when SMTP listens everywhere. */
function smtpPlace(c: Request, { smtp }: Web): { host: string; port: number } | Record<string, never> {
  const bound = smtp.map((text) => parseAddress(text)).find(({ kind }) => kind === 'tcp');
  if (bound?.kind !== 'tcp') return {};
  const host = WILDCARDS.has(bound.host) ? new URL(c.req.url).hostname.replace(/^\[|\]$/g, '') : bound.host;
  return { host, port: bound.port };
}

function expiryOf(ttl: string, now: number): number | null {
  if (ttl === 'never') return null;
  const ms = parseDuration(ttl);
  if (ms === undefined || ms === 0 || ms > MAX_TTL_MS) {
    throw new ChatError('BAD_NAMESPACE', 'ttl must be a duration such as 30m, 24h or 7d, up to 366d, or never');
  }
  return now + ms;
}

/** The first problem that zod has found, as one line. */
export async function problemLine(error: { readonly issues: readonly Issue[] }): Promise<string> {
  const [issue] = error.issues;
  const where = issue?.path.map(String).join('.') || 'the body';
  return `${where}: ${issue?.message ?? 'is not what is expected'}`;
}

interface Issue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}
