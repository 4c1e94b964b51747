// Every route of the server that the page uses, in one place. Lists and what changes mail go over Mailpit's API, which
// is the same whatever the server becomes; what only lonedot has is under api/lonedot/v1/.
import type { MimeNode } from '../../relay/inbox/parsed-mail.ts';
import type { HtmlCheck, LinkCheck, List, Message, SpamCheck, WebUi } from './api-types.ts';
import { addressOf, ask, askJson, queryOf } from './http.ts';
import type {
  Comparison,
  CreatedNamespace,
  Dialogue,
  Envelope,
  FaultView,
  Field,
  Finding,
  NamespaceView,
  NewFault,
  NewNamespace,
  Server,
} from './own-types.ts';

const OWN = 'api/lonedot/v1';
const TZ = Intl.DateTimeFormat().resolvedOptions().timeZone;

const mail = (id: string): string => `api/v1/message/${encodeURIComponent(id)}`;
const own = (id: string): string => `${OWN}/messages/${encodeURIComponent(id)}`;

/** Which mails: these, or all that match, or (an empty search) all. */
export type Which = { readonly ids: readonly string[] } | { readonly search: string };

export const EVENTS = 'api/events';

export function list(query: string, start: number, limit: number, signal?: AbortSignal): Promise<List> {
  const how = signal ? { signal } : {};
  if (query === '') return askJson(`api/v1/messages${queryOf({ start, limit })}`, how);
  return askJson(`api/v1/search${queryOf({ query, start, limit, tz: TZ })}`, how);
}

/** Marks it read. */
export function message(id: string, signal: AbortSignal): Promise<Message> {
  return askJson(mail(id), { signal });
}

export async function setRead(which: Which, read: boolean): Promise<void> {
  if ('ids' in which) await ask('api/v1/messages', { method: 'PUT', body: { Read: read, IDs: which.ids } });
  else {
    const body = which.search === '' ? { Read: read } : { Read: read, Search: which.search };
    await ask(`api/v1/messages${queryOf({ tz: TZ })}`, { method: 'PUT', body });
  }
}

export async function remove(which: Which, keepalive = false): Promise<void> {
  if ('ids' in which) {
    // Without ids everything would be deleted.
    if (which.ids.length > 0) await ask('api/v1/messages', { method: 'DELETE', body: { IDs: which.ids }, keepalive });
  } else if (which.search === '') await ask('api/v1/messages', { method: 'DELETE' });
  else await ask(`api/v1/search${queryOf({ query: which.search, tz: TZ })}`, { method: 'DELETE' });
}

export async function setTags(ids: readonly string[], tags: readonly string[]): Promise<void> {
  await ask('api/v1/tags', { method: 'PUT', body: { IDs: ids, Tags: tags } });
}

export async function release(id: string, to: readonly string[]): Promise<void> {
  await ask(`${mail(id)}/release`, { method: 'POST', body: { To: to } });
}

export function htmlCheck(id: string, signal: AbortSignal): Promise<HtmlCheck> {
  return askJson(`${mail(id)}/html-check`, { signal });
}

export function linkCheck(id: string, follow: boolean, signal: AbortSignal): Promise<LinkCheck> {
  return askJson(`${mail(id)}/link-check${queryOf({ follow: follow ? 'true' : undefined })}`, { signal });
}

export function spamCheck(id: string, signal: AbortSignal): Promise<SpamCheck> {
  return askJson(`${mail(id)}/sa-check`, { signal });
}

/** The source as it streams in. */
export function raw(id: string, signal: AbortSignal): Promise<Response> {
  return ask(`${mail(id)}/raw`, { signal });
}

export const rawAddress = (id: string, download = false): string =>
  addressOf(`${mail(id)}/raw${download ? '?dl=1' : ''}`);

export const partAddress = (id: string, partId: string): string => addressOf(`${mail(id)}/part/${partId}`);

export const thumbAddress = (id: string, partId: string): string => `${partAddress(id, partId)}/thumb`;

/** The HTML of a mail as a document of its own, under a policy that lets nothing run; remote content only if asked. */
export const htmlAddress = (id: string, remote: boolean): string =>
  addressOf(`${own(id)}/html${queryOf({ remote: remote ? 1 : undefined })}`);

export function webUi(): Promise<WebUi> {
  return askJson('api/v1/webui');
}

export function server(): Promise<Server> {
  return askJson(`${OWN}/info`);
}

export function envelope(id: string, signal: AbortSignal): Promise<Envelope> {
  return askJson(own(id), { signal });
}

export async function headers(id: string, signal: AbortSignal): Promise<readonly Field[]> {
  return (await askJson<{ headers: readonly Field[] }>(`${own(id)}/headers`, { signal })).headers;
}

export async function structure(id: string, signal: AbortSignal): Promise<MimeNode> {
  return (await askJson<{ tree: MimeNode }>(`${own(id)}/structure`, { signal })).tree;
}

export async function transcript(id: string, signal: AbortSignal): Promise<Dialogue> {
  return (await askJson<{ lines: Dialogue }>(`${own(id)}/transcript`, { signal })).lines;
}

export async function lint(id: string, signal: AbortSignal): Promise<readonly Finding[]> {
  return (await askJson<{ findings: readonly Finding[] }>(`${own(id)}/lint`, { signal })).findings;
}

export function compare(id: string, other: string, signal: AbortSignal): Promise<Comparison> {
  return askJson(`${own(id)}/diff/${encodeURIComponent(other)}`, { signal });
}

export async function namespaces(signal?: AbortSignal): Promise<readonly NamespaceView[]> {
  const how = signal ? { signal } : {};
  return (await askJson<{ namespaces: readonly NamespaceView[] }>(`${OWN}/namespaces`, how)).namespaces;
}

export function createNamespace(namespace: NewNamespace): Promise<CreatedNamespace> {
  return askJson(`${OWN}/namespaces`, { method: 'POST', body: namespace });
}

export async function deleteNamespace(name: string): Promise<void> {
  await ask(`${OWN}/namespaces/${encodeURIComponent(name)}`, { method: 'DELETE' });
}

export async function faults(signal?: AbortSignal): Promise<readonly FaultView[]> {
  const how = signal ? { signal } : {};
  return (await askJson<{ faults: readonly FaultView[] }>(`${OWN}/faults`, how)).faults;
}

export function createFault(rule: NewFault): Promise<FaultView> {
  return askJson(`${OWN}/faults`, { method: 'POST', body: rule });
}

/** All of them, in their order; their counters begin anew. */
export async function replaceFaults(rules: readonly NewFault[]): Promise<void> {
  await ask(`${OWN}/faults`, { method: 'PUT', body: { faults: rules } });
}

export async function deleteFault(id: string): Promise<void> {
  await ask(`${OWN}/faults/${encodeURIComponent(id)}`, { method: 'DELETE' });
}

export async function deleteFaults(): Promise<void> {
  await ask(`${OWN}/faults`, { method: 'DELETE' });
}
