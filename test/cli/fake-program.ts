// The program with services that open nothing, for tests of starting and stopping. What they pretend is chosen by the
// variable FAKE: a failing start, a stop that hangs, a bug after the start.

import { main } from '../../cli/main.ts';
import type { Services } from '../../cli/services.ts';
import { DiskSpace } from '../../relay/disk-space.ts';
import { MailStats } from '../../relay/mail-stats.ts';
import type { Store } from '../../relay/store/store.ts';
import { formatAddress } from '../../src/address.ts';
import { realClock } from '../../src/clock.ts';
import { ChatError } from '../../src/errors.ts';

const { FAKE: fake = '' } = process.env;
// Something must keep the process alive, as sockets would.
const alive = setInterval(() => {}, 1000);

function bound(text: string): string {
  return text.replace(/:0$/, ':4711');
}

const services: Services = {
  startMail: async (options, log) => {
    if (fake === 'in-use') throw new ChatError('LISTEN_FAILED', '127.0.0.1:1025: the address is in use');
    log.debug('fake.mail', { mode: options.mode, database: options.database });
    return {
      smtp: options.smtp.map((address) => bound(formatAddress(address))),
      smtps: [],
      lmtp: [],
      stats: new MailStats(),
      space: new DiskSpace('.', 0, realClock),
      lanes: () => [],
      reload: async ({ hostname }) => {
        process.stdout.write(`mail reloaded as ${hostname}\n`);
        return fake === 'moved' ? ['smtp'] : [];
      },
      database: options.database ?? '',
      store: {} as Store,
      stop: async (drainMs) => {
        if (fake === 'stop-hangs') await new Promise(() => {});
        if (fake === 'stop-fails') throw new ChatError('STORE_FAILED', 'the disk is full');
        process.stdout.write(`mail stopped within ${drainMs} ms\n`);
        clearInterval(alive);
      },
    };
  },
  startWeb: async (options) => {
    if (fake === 'web-in-use') throw new ChatError('LISTEN_FAILED', '127.0.0.1:8025: the address is in use');
    if (fake === 'bug') setTimeout(() => JSON.parse('{"password":'));
    if (fake === 'rejection') setTimeout(() => void Promise.reject(new TypeError('x is undefined\nand more')));
    return {
      url: `http://${bound(formatAddress(options.listen))}/`,
      stop: async () => void process.stdout.write('web stopped\n'),
    };
  },
  startControl: async (options) => ({
    listen: bound(formatAddress(options.listen)),
    proxies: [],
    stop: async (drainMs) => void process.stdout.write(`control stopped within ${drainMs} ms\n`),
  }),
  startProxy: async (options) => {
    if (fake === 'tell') process.stdout.write('proxy started\n');
    return {
      listen: bound(formatAddress(options.listen)),
      upstream: formatAddress(options.upstream),
      stop: async (drainMs) => void process.stdout.write(`proxy stopped within ${drainMs} ms\n`),
    };
  },
};

process.exit(await main(process.argv.slice(2), services));
