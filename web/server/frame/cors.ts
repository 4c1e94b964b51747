// Cross-origin access, which is off unless --api-cors names origins: the headers by which a browser lets the page of
// another site read our answers (Fetch standard, 3.2). Credentials are never shared: a page sends its own login.
import type { Request } from '../context.ts';
import { type GuardRules, isCorsOrigin } from '../guard.ts';

export function corsHeaders(c: Request, rules: GuardRules): [name: string, value: string][] {
  const origin = c.req.header('origin');
  if (!rules.apiCors?.length) return [];
  // What is answered depends on who asks, also for caches that see only the others.
  if (origin === undefined || !isCorsOrigin(origin, rules)) return [['Vary', 'Origin']];
  const isForAll = rules.apiCors.includes('*');
  return [
    ['Access-Control-Allow-Origin', isForAll ? '*' : origin],
    ['Access-Control-Allow-Methods', 'GET, POST, PUT, PATCH, DELETE, OPTIONS'],
    ['Access-Control-Allow-Headers', 'Authorization, Content-Type'],
    ...(isForAll ? [] : ([['Vary', 'Origin']] as [string, string][])),
  ];
}
