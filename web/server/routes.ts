// Every path that this server knows, with its methods and its query parameters.
import { deleteMessage, getMessage, getMessages } from './api.ts';
import type { Handler } from './context.ts';
import { livez, readyz } from './health.ts';
import { metrics } from './metrics.ts';
import { inbox, message } from './pages/handlers.ts';
import type { QueryName } from './query.ts';
import { rawSource } from './raw.ts';

export const METHODS = ['GET', 'DELETE'] as const;

export interface Route {
  readonly path: string;
  readonly query: readonly QueryName[];
  /** Answers HEAD as well. */
  readonly GET?: Handler;
  readonly DELETE?: Handler;
}

export const ROUTES: readonly Route[] = [
  { path: '/', GET: inbox, query: ['before', 'refresh'] },
  { path: '/message/:id', GET: message, query: [] },
  { path: '/api/v1/message/:id/raw', GET: rawSource, query: ['dl'] },
  { path: '/api/lonedot/v1/messages', GET: getMessages, query: ['limit', 'before'] },
  { path: '/api/lonedot/v1/messages/:id', GET: getMessage, DELETE: deleteMessage, query: [] },
  { path: '/livez', GET: livez, query: [] },
  { path: '/healthz', GET: livez, query: [] },
  { path: '/readyz', GET: readyz, query: [] },
  { path: '/metrics', GET: metrics, query: [] },
];

/** For the Allow header (RFC 9110 10.2.1). */
export function allowedMethods(route: Route): string {
  const methods = METHODS.filter((method) => route[method]);
  return [...methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])), 'OPTIONS'].join(', ');
}
