// Proxies on the wire: how one is ordered and changed, and how it is shown.
import { refusal } from './api-error.ts';
import { decodeArray, decodeStruct, type GoStruct } from './go-decode.ts';
import type { GoValue } from './go-json.ts';
import type { ProxyOrder } from './proxies.ts';
import { readToxics, showToxic } from './toxic-json.ts';
import type { ToxicProxy } from './toxic-proxy.ts';

const PROXY: GoStruct = {
  name: 'Proxy',
  type: 'toxiproxy.Proxy',
  fields: { name: 'string', listen: 'string', upstream: 'string', enabled: 'bool', toxics: 'any' },
};
const ENTRY_TYPE = 'struct { toxiproxy.Proxy; Enabled *bool "json:\\"enabled\\"" }';
const ENTRY: GoStruct = { ...PROXY, name: '', type: ENTRY_TYPE };

interface Given {
  readonly name?: string;
  readonly listen?: string;
  readonly upstream?: string;
  readonly enabled?: boolean;
  readonly toxics?: GoValue;
}

/** The proxy that a body orders. Throws ApiError 400. */
export function readProxy(body: GoValue, strict: boolean): ProxyOrder {
  return order(decodeStruct(body, PROXY), '', strict);
}

/** The list of a populate, or of a config file. Throws ApiError 400 before anything is made. */
export function readProxies(body: GoValue, strict: boolean): ProxyOrder[] {
  const entries = decodeArray(body, `[]${ENTRY_TYPE}`).map((item) => decodeStruct(item, ENTRY));
  return entries.map((entry, index) => order(entry, ` at proxy ${index + 1}`, strict));
}

/** What a body changes in a proxy; its name stays. Throws ApiError 400. */
export function readProxyChange(body: GoValue, proxy: ToxicProxy): Pick<ProxyOrder, 'listen' | 'upstream' | 'enabled'> {
  const { listen, upstream, enabled }: Given = decodeStruct(body, PROXY);
  return {
    listen: listen ?? proxy.listen,
    upstream: upstream ?? proxy.upstream,
    enabled: enabled ?? proxy.enabled,
  };
}

/** `Logger` slipped into Toxiproxy's answers and has stayed there: whoever compares answers whole expects it. */
export function showProxy({ name, listen, upstream, enabled, toxics }: ToxicProxy): object {
  return { name, listen, upstream, enabled, Logger: {}, toxics: toxics.all.map(showToxic) };
}

function order(given: Given, where: string, strict: boolean): ProxyOrder {
  const { name = '', listen = '', upstream = '', enabled = true } = given;
  if (name === '') throw refusal('missingField', `name${where}`);
  if (upstream === '') throw refusal('missingField', `upstream${where}`);
  return { name, listen, upstream, enabled, toxics: readToxics(given.toxics, strict) };
}
