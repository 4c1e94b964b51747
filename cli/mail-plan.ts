// Plans for the sink and the relay, each with the web server beside it.
import { isDeepStrictEqual } from 'node:util';
import type { RelayOptions, SinkOptions } from '../relay/options.ts';
import { resolveRelay, resolveSink } from '../relay/options.ts';
import { databaseName } from '../relay/store/postgres-url.ts';
import type { Address } from '../src/address.ts';
import { formatAddress } from '../src/address.ts';
import type { OptionSources } from '../src/options.ts';
import { maskUrls } from '../src/redact.ts';
import type { WebOptions } from '../web/server/options.ts';
import { resolveRelayWeb, resolveSinkWeb } from '../web/server/options.ts';
import type { Fact, Plan } from './plan.ts';

export function planSink(sources: OptionSources): Plan {
  return planMail(resolveSink(sources), resolveSinkWeb(sources));
}

export function planRelay(sources: OptionSources): Plan {
  return planMail(resolveRelay(sources), resolveRelayWeb(sources));
}

function planMail(options: SinkOptions | RelayOptions, web: WebOptions | undefined): Plan {
  return {
    section: options.mode,
    options: { ...options, web },
    listens: listensOf(options, web),
    facts: facts(options, planned(options), web && plannedUrl(web)),
    check: async () => {
      if (options.mode === 'sink') (await import('../relay/faults/open-faults.ts')).openFaults(options);
    },
    start: async (services, log) => {
      const mail = await services.startMail(options, log);
      try {
        const served = web && (await services.startWeb(web, { ...mail, log, maxMessageSize: options.maxMessageSize }));
        return {
          facts: facts(options, mail, served?.url),
          smtp: mail.smtp[0],
          drainMs: options.drainTimeout,
          reload: async (plans) => {
            const next = plans.find(({ section }) => section === options.mode)?.options;
            if (next === undefined) return [];
            const { web: nextWeb, ...mailOptions } = next as (SinkOptions | RelayOptions) & { web: unknown };
            const restarts = await mail.reload(mailOptions as SinkOptions | RelayOptions);
            if (!isDeepStrictEqual(web, nextWeb)) restarts.push('listen');
            return restarts.map((key) => `${options.mode}.${key}`);
          },
          stop: async () => {
            // The pages first: they read a store that mail.stop() closes.
            await served?.stop();
            await mail.stop(options.drainTimeout);
          },
        };
      } catch (error) {
        await mail.stop(0);
        throw error;
      }
    },
  };
}

function listensOf(options: SinkOptions | RelayOptions, web: WebOptions | undefined): Address[] {
  const { smtp, smtps = [], lmtp = [] } = options;
  const mail = [...smtp, ...smtps, ...lmtp, ...(web ? [web.listen] : [])];
  return options.mode === 'sink' ? [...mail, ...(options.pop3 ?? []), ...(options.pop3s ?? [])] : mail;
}

function plannedUrl({ listen, webroot, uiTlsCert }: WebOptions): string {
  const scheme = uiTlsCert === undefined ? 'http' : 'https';
  return listen.kind === 'tcp' ? `${scheme}://${formatAddress(listen)}${webroot}` : formatAddress(listen);
}

/** Where each kind of listener is, or is to be. */
interface Places {
  readonly smtp: readonly string[];
  readonly smtps: readonly string[];
  readonly lmtp: readonly string[];
  readonly pop3?: readonly string[];
  readonly pop3s?: readonly string[];
}

function planned(options: SinkOptions | RelayOptions): Places {
  const { smtp, smtps = [], lmtp = [] } = options;
  const { pop3 = [], pop3s = [] } = options.mode === 'sink' ? options : {};
  return {
    smtp: smtp.map(formatAddress),
    smtps: smtps.map(formatAddress),
    lmtp: lmtp.map(formatAddress),
    pop3: pop3.map(formatAddress),
    pop3s: pop3s.map(formatAddress),
  };
}

function facts(options: SinkOptions | RelayOptions, places: Places, url: string | undefined): Fact[] {
  const section = options.mode;
  const database = databaseName(options.database ?? 'temporary');
  const kept = options.mode === 'sink' && options.max > 0 ? `, the newest ${options.max} messages` : '';
  const upstreams = options.mode === 'relay' ? options.upstream.map(({ href }) => maskUrls(href)) : [];
  const listening = (label: string, fields: Record<string, string>) => {
    return {
      section,
      label,
      text: Object.values(fields).join(),
      event: 'listening',
      fields: { service: label, ...fields },
    };
  };
  return [
    ...places.smtp.map((address) => listening('smtp', { address })),
    ...places.smtps.map((address) => listening('smtps', { address })),
    ...places.lmtp.map((address) => listening('lmtp', { address })),
    ...(places.pop3 ?? []).map((address) => listening('pop3', { address })),
    ...(places.pop3s ?? []).map((address) => listening('pop3s', { address })),
    ...(url === undefined ? [] : [listening('web', { url })]),
    { section, label: 'store', text: `${database}${kept}`, event: 'storing', fields: { database } },
    ...upstreams.map((upstream) => ({
      section,
      label: 'to',
      text: upstream,
      event: 'forwarding',
      fields: { upstream },
    })),
  ];
}
