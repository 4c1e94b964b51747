// `lonedot proxy LISTEN UPSTREAM`: one proxied address. Several at once are a config file and `lonedot serve`.
import { PROXY_OPTIONS } from '../../proxy/options.ts';
import { ChatError } from '../../src/errors.ts';
import type { Command } from '../command.ts';
import { runUntilStopped } from '../lifecycle.ts';
import { planProxy } from '../proxy-plan.ts';

export const proxy: Command = {
  usage: 'proxy LISTEN UPSTREAM [options]',
  description: 'Accepts connections at LISTEN and passes them to UPSTREAM.',
  examples: [
    ['lonedot proxy 1143 imap.example.com:143', 'on 127.0.0.1:1143'],
    ['lonedot proxy 0.0.0.0:8080 unix:/run/app.sock', 'from TCP to a unix socket'],
  ],
  table: PROXY_OPTIONS,
  run: ({ sources, config, services, log, manner }) => {
    const files = config?.section('proxies') ?? [];
    if (files.length > 1) {
      throw new ChatError('BAD_OPTION', `${config?.file}: names ${files.length} proxies; lonedot serve runs them all`);
    }
    const plan = planProxy({ ...sources, file: files[0] });
    return runUntilStopped(() => plan.start(services, log), log, manner);
  },
};
