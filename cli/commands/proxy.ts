// `lonedot proxy LISTEN UPSTREAM`: one proxied address, whose dialogue is shown on stdout. Several at once are a config
// file and `lonedot serve`.
import { PROXY_OPTIONS } from '../../proxy/options.ts';
import { createView, resolveView, VIEW_OPTIONS } from '../../proxy/views/options.ts';
import { ChatError } from '../../src/errors.ts';
import type { Command } from '../command.ts';
import { runPlans } from '../lifecycle.ts';
import { eventOutput } from '../proxy-output.ts';
import { planProxy } from '../proxy-plan.ts';

export const proxy: Command = {
  usage: 'proxy LISTEN UPSTREAM [options]',
  description: 'Accepts connections at LISTEN, passes them to UPSTREAM, and shows what is said.',
  examples: [
    ['lonedot proxy 1143 imap.example.com:143', 'on 127.0.0.1:1143'],
    ["lonedot proxy 2525 localhost:25 --only 'RCPT|DATA'", 'two commands and their answers'],
    ['lonedot proxy 2525 localhost:25 --record mail.pcapng -q', 'for Wireshark, without a word'],
    ["lonedot proxy 2525 localhost:25 --effect 'client DATA #1: answer 451 4.3.0 later'", 'the first mail is put off'],
    [
      "lonedot proxy 1143 localhost:143 --effect 'server literal 10%: cut middle then reset'",
      'a server that breaks off',
    ],
    ["lonedot proxy 2525 localhost:25 --effect 'connect #2-3: refuse' --effect 'server: delay 200ms'", 'far, and busy'],
    ['lonedot proxy 2525 localhost:25 --lint', 'what strict servers would refuse, for CI: exit code 1'],
    ['lonedot proxy 0.0.0.0:8080 unix:/run/app.sock', 'from TCP to a unix socket'],
  ],
  table: { ...PROXY_OPTIONS, ...VIEW_OPTIONS },
  run: (context) => {
    const { sources, manner } = context;
    const options = resolveView(sources);
    const view = (keepSecrets: boolean) =>
      createView(options, keepSecrets, eventOutput(), process.stdout.isTTY === true);
    // Whoever reads JSON from stdout must not find a line of something else there.
    const own = options.json ? { ...context, manner: { ...manner, format: 'json' as const } } : context;
    return runPlans(own, (config) => {
      const files = config?.section('proxies') ?? [];
      if (files.length > 1) {
        const which = `${config?.file}: names ${files.length} proxies`;
        throw new ChatError('BAD_OPTION', `${which}; lonedot serve runs them all`);
      }
      const isQuiet = manner.level === 'error';
      return [planProxy({ ...sources, file: files[0] }, 'proxy', isQuiet ? undefined : view)];
    });
  },
};
