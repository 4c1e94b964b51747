// Our own API described in OpenAPI 3.1, made of the table of routes and the schemas, and a page on which it can be tried.
import { createHash } from 'node:crypto';
import type { Handler } from '../context.ts';
import { METHODS, OWN_API } from '../frame/methods.ts';
import { version } from '../frame/version.ts';
import type { Route } from '../routes.ts';
import type { Operation } from './operations.ts';

/** Made once, when somebody asks. */
let known: Promise<object> | undefined;

export const getInfo: Handler = (c, { smtp, options }) =>
  c.json({ version: version(), label: options.label ?? '', smtp });

export const getOpenApi: Handler = async (c, { options }) => {
  known ??= makeDocument(c.get('routes'));
  return c.json({ ...(await known), servers: [{ url: `${options.webroot.slice(0, -1)}${OWN_API}` }] });
};

export const getDocs: Handler = async (c, { options }) => {
  const [{ OPERATIONS }, { DOCS_SCRIPT, DOCS_STYLE, docsPage }] = await Promise.all([
    import('./operations.ts'),
    import('./docs-page.ts'),
  ]);
  const page = docsPage(OPERATIONS, `${options.webroot.slice(0, -1)}${OWN_API}`);
  const hash = (text: string) => createHash('sha256').update(text).digest('base64');
  return c.html(page.text, 200, {
    'Content-Security-Policy': [
      "default-src 'none'",
      `script-src 'sha256-${hash(DOCS_SCRIPT)}'`,
      `style-src 'sha256-${hash(DOCS_STYLE)}'`,
      "connect-src 'self'",
      'img-src data:',
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ].join('; '),
  });
};

async function makeDocument(all: readonly Route[]): Promise<object> {
  const [{ z }, { OPERATIONS, QUERY_TEXTS }, schemas] = await Promise.all([
    import('zod'),
    import('./operations.ts'),
    import('./schemas.ts'),
  ]);
  const named = new Map<unknown, string>();
  const components: Record<string, object> = {};
  for (const schema of Object.values(schemas)) {
    const id = schema.meta()?.id;
    if (id !== undefined) named.set(schema, id);
  }
  const { schemas: made } = z.toJSONSchema(z.globalRegistry, {
    uri: (id) => `#/components/schemas/${id}`,
    io: 'input',
  });
  for (const id of named.values()) {
    const { $id: _id, $schema: _schema, ...schema } = made[id]!;
    components[id] = schema;
  }
  const content = (gives: Operation['gives']) => {
    if (typeof gives === 'string') return { [gives]: { schema: { type: 'string' } } };
    return { 'application/json': { schema: { $ref: `#/components/schemas/${named.get(gives)}` } } };
  };
  const problem = { description: 'What is wrong, in one line', content: content(schemas.problem) };
  const describe = ({ summary, query = [], body, gives, status = 200, others = {} }: Operation, path: string) => ({
    summary,
    parameters: [
      ...[...path.matchAll(/:(\w+)/g)].map(([, name]) => ({ name, in: 'path', required: true, schema: STRING })),
      ...query.map((name) => ({ name, in: 'query', description: QUERY_TEXTS[name], schema: STRING })),
    ],
    ...(body ? { requestBody: { content: content(body) } } : {}),
    responses: {
      [status]: { description: 'Done', ...(gives ? { content: content(gives) } : {}) },
      ...Object.fromEntries(
        Object.entries(others).map(([code, schema]) => [
          code,
          { description: 'See the schema', content: content(schema) },
        ]),
      ),
      '4XX': problem,
    },
  });
  const routes = all.filter(({ path }) => path.startsWith(OWN_API));
  const paths = routes.map((route) => {
    const path = route.path.slice(OWN_API.length);
    const methods = METHODS.filter((method) => route[method]).map((method) => {
      return [method.toLowerCase(), describe(OPERATIONS[`${method} ${path}`]!, path)];
    });
    return [path.replaceAll(/:(\w+)/g, '{$1}'), Object.fromEntries(methods)];
  });
  return {
    openapi: '3.1.0',
    info: { title: 'lonedot', version: version(), description: 'The API of the inbox; errors are JSON with one line.' },
    paths: Object.fromEntries(paths),
    components: { schemas: components },
  };
}

const STRING = { type: 'string' } as const;
