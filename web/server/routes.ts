// Every path that this server knows, with its methods and its query parameters. What stands behind a path is loaded when
// it is first asked for: a server that nobody asks costs nothing.
import type { Handler } from './context.ts';
import { METHODS, type Method, OWN_API } from './frame/methods.ts';
import { livez, readyz } from './health.ts';
import type { QueryName } from './query.ts';

export type Route = {
  readonly path: string;
  /** Those that are refused when their value is bad. Mailpit and MailHog refuse none. */
  readonly query?: readonly QueryName[];
  /** Answered without a login, for supervisors. */
  readonly public?: true;
  /** GET answers HEAD as well. */
} & { readonly [M in Method]?: Handler };

/** Takes its handlers out of a module that is not loaded yet. */
function from<M>(load: () => Promise<M>): (pick: (module: M) => Handler) => Handler {
  return (pick) => async (c, web) => pick(await load())(c, web);
}

const pages = from(() => import('./pages/handlers.ts'));
const raw = from(() => import('./raw.ts'));
const health = from(() => import('./metrics.ts'));
const mailpitMany = from(() => import('./mailpit/messages.ts'));
const mailpitOne = from(() => import('./mailpit/message.ts'));
const mailpitTags = from(() => import('./mailpit/tags.ts'));
const mailpitInfo = from(() => import('./mailpit/info.ts'));
const mailpitChecks = from(() => import('./mailpit/checks.ts'));
const mailpitView = from(() => import('./mailpit/view.ts'));
const mailpitChaos = from(() => import('./mailpit/chaos.ts'));
const send = from(() => import('./mailpit/send.ts'));
const release = from(() => import('./mailpit/release.ts'));
const swagger = from(() => import('./mailpit/swagger.ts'));
const mailhog = from(() => import('./mailhog/messages.ts'));
const mailhogMore = from(() => import('./mailhog/more.ts'));
const own = from(() => import('./lonedot/messages.ts'));
const ownNamespaces = from(() => import('./lonedot/namespaces.ts'));
const ownWait = from(() => import('./lonedot/wait.ts'));
const ownFaults = from(() => import('./lonedot/faults.ts'));
const ownExport = from(() => import('./lonedot/export.ts'));
const ownQueue = from(() => import('./lonedot/queue.ts'));
const ownChecks = from(() => import('./lonedot/checks.ts'));
const ownReplay = from(() => import('./lonedot/replay.ts'));
const ownDocs = from(() => import('./lonedot/openapi.ts'));

const MAILPIT: readonly Route[] = [
  {
    path: '/api/v1/messages',
    GET: mailpitMany((m) => m.listMessages),
    PUT: mailpitMany((m) => m.setReadStatus),
    DELETE: mailpitMany((m) => m.deleteMessages),
  },
  {
    path: '/api/v1/search',
    GET: mailpitMany((m) => m.searchMessages),
    DELETE: mailpitMany((m) => m.deleteSearch),
  },
  { path: '/api/v1/message/:id', GET: mailpitOne((m) => m.getMessage) },
  { path: '/api/v1/message/:id/headers', GET: mailpitOne((m) => m.getHeaders) },
  { path: '/api/v1/message/:id/raw', GET: raw((m) => m.rawSource) },
  { path: '/api/v1/message/:id/part/:partId', GET: mailpitOne((m) => m.getPart) },
  { path: '/api/v1/message/:id/part/:partId/thumb', GET: mailpitOne((m) => m.getThumbnail) },
  { path: '/api/v1/message/:id/release', POST: release((m) => m.releaseMessage) },
  { path: '/api/v1/message/:id/html-check', GET: mailpitChecks((m) => m.htmlCheck) },
  { path: '/api/v1/message/:id/link-check', GET: mailpitChecks((m) => m.linkCheck) },
  { path: '/api/v1/message/:id/sa-check', GET: mailpitChecks((m) => m.spamCheck) },
  { path: '/api/v1/tags', GET: mailpitTags((m) => m.listTags), PUT: mailpitTags((m) => m.setTags) },
  { path: '/api/v1/tags/:tag', PUT: mailpitTags((m) => m.renameTag), DELETE: mailpitTags((m) => m.deleteTag) },
  { path: '/api/v1/send', POST: send((m) => m.sendMessage) },
  { path: '/api/v1/info', GET: mailpitInfo((m) => m.getInfo) },
  { path: '/api/v1/webui', GET: mailpitInfo((m) => m.getWebUi) },
  { path: '/api/v1/chaos', GET: mailpitChaos((m) => m.getChaos), PUT: mailpitChaos((m) => m.setChaos) },
  { path: '/api/v1/swagger.json', GET: swagger((m) => m.getSwagger) },
  { path: '/view/:file', GET: mailpitView((m) => m.viewMessage) },
];

const MAILHOG: readonly Route[] = [
  {
    path: '/api/v1/messages/:id',
    GET: mailhog((m) => m.getMessage),
    DELETE: mailhog((m) => m.deleteMessage),
  },
  { path: '/api/v1/messages/:id/download', GET: mailhog((m) => m.downloadMessage) },
  { path: '/api/v1/messages/:id/mime/part/:part/download', GET: mailhog((m) => m.downloadPart) },
  { path: '/api/v1/messages/:id/release', POST: mailhogMore((m) => m.releaseMessage) },
  { path: '/api/v1/events', GET: mailhogMore((m) => m.events) },
  { path: '/api/v2/messages', GET: mailhog((m) => m.listMessages) },
  { path: '/api/v2/search', GET: mailhog((m) => m.searchMessages) },
  {
    path: '/api/v2/jim',
    GET: mailhogMore((m) => m.getJim),
    POST: mailhogMore((m) => m.createJim),
    PUT: mailhogMore((m) => m.updateJim),
    DELETE: mailhogMore((m) => m.deleteJim),
  },
  { path: '/api/v2/outgoing-smtp', GET: mailhogMore((m) => m.outgoingSmtp) },
];

const OWN: readonly Route[] = [
  {
    path: '/messages',
    GET: own((m) => m.listMessages),
    PATCH: own((m) => m.changeMessages),
    DELETE: own((m) => m.deleteMessages),
    query: ['limit', 'before', 'after'],
  },
  { path: '/search', GET: own((m) => m.searchMessages), query: ['limit', 'before', 'after'] },
  { path: '/messages/:id', GET: own((m) => m.getMessage), DELETE: own((m) => m.deleteMessage) },
  { path: '/messages/:id/headers', GET: own((m) => m.getHeaders) },
  { path: '/messages/:id/structure', GET: own((m) => m.getStructure) },
  { path: '/messages/:id/transcript', GET: own((m) => m.getTranscript) },
  { path: '/messages/:id/html', GET: mailpitView((m) => m.frameMessage), query: ['remote'] },
  { path: '/messages/:id/eml', GET: ownExport((m) => m.exportMessage) },
  { path: '/messages/:id/extract', GET: ownChecks((m) => m.getExtract) },
  { path: '/messages/:id/lint', GET: ownChecks((m) => m.getLint) },
  { path: '/messages/:id/diff/:other', GET: ownChecks((m) => m.getDiff) },
  { path: '/messages/:id/replay', POST: ownReplay((m) => m.replay) },
  { path: '/tags', GET: own((m) => m.listTags) },
  {
    path: '/namespaces',
    GET: ownNamespaces((m) => m.listNamespaces),
    POST: ownNamespaces((m) => m.createNamespace),
  },
  { path: '/namespaces/:name', DELETE: ownNamespaces((m) => m.deleteNamespace) },
  { path: '/wait', GET: ownWait((m) => m.wait), query: ['count', 'after', 'timeout'] },
  { path: '/events', GET: ownWait((m) => m.events), query: ['after'] },
  { path: '/export', GET: ownExport((m) => m.exportMessages), query: ['format'] },
  {
    path: '/faults',
    GET: ownFaults((m) => m.listFaults),
    POST: ownFaults((m) => m.createFault),
    PUT: ownFaults((m) => m.replaceFaults),
    DELETE: ownFaults((m) => m.deleteFaults),
  },
  { path: '/faults/:id', GET: ownFaults((m) => m.getFault), DELETE: ownFaults((m) => m.deleteFault) },
  { path: '/faults/:id/reset', POST: ownFaults((m) => m.resetFault) },
  { path: '/queue', GET: ownQueue((m) => m.getQueue), query: ['limit', 'after'] },
  { path: '/info', GET: ownDocs((m) => m.getInfo) },
  { path: '/openapi.json', GET: ownDocs((m) => m.getOpenApi) },
  { path: '/docs', GET: ownDocs((m) => m.getDocs) },
];

export const ROUTES: readonly Route[] = [
  { path: '/', GET: pages((m) => m.inbox), query: ['before', 'refresh'] },
  { path: '/message/:id', GET: pages((m) => m.message) },
  ...MAILPIT,
  ...MAILHOG,
  ...OWN.map((route) => ({ ...route, path: OWN_API + route.path })),
  { path: '/livez', GET: livez, public: true },
  { path: '/healthz', GET: livez, public: true },
  { path: '/readyz', GET: readyz, public: true },
  { path: '/metrics', GET: health((m) => m.metrics) },
];

/** For the Allow header (RFC 9110 10.2.1). */
export function allowedMethods(route: Route): string {
  const methods = METHODS.filter((method) => route[method]);
  return [...methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])), 'OPTIONS'].join(', ');
}
