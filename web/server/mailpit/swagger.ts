// The description of the routes that are Mailpit's, in the form in which Mailpit gives it (OpenAPI 2), for tools that
// look which routes there are. Made of the table of routes; what the routes take and give, docs/api.md tells.
import type { Handler } from '../context.ts';
import { METHODS } from '../frame/methods.ts';
import { version } from '../frame/version.ts';

export const getSwagger: Handler = (c, web) => {
  const routes = c.get('routes').filter(({ path }) => /^\/(?:api\/v1|view)\//.test(path));
  const paths = routes.map((route) => {
    const names = [...route.path.matchAll(/:(\w+)/g)].map(([, name]) => name!);
    const parameters = names.map((name) => ({ name, in: 'path', required: true, type: 'string' }));
    const methods = METHODS.filter((method) => route[method]).map((method) => [
      method.toLowerCase(),
      { parameters, responses: { 200: { description: 'Done' }, 400: { description: 'What is wrong, as text' } } },
    ]);
    return [route.path.replaceAll(/:(\w+)/g, '{$1}'), Object.fromEntries(methods)];
  });
  return c.json({
    swagger: '2.0',
    info: { title: 'lonedot: the API v1 of Mailpit', version: version() },
    basePath: web.options.webroot,
    schemes: ['http', 'https'],
    consumes: ['application/json'],
    produces: ['application/json'],
    paths: Object.fromEntries(paths),
  });
};
