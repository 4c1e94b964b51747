// `lonedot relay`: a mail server that answers 250 once a message is safe on disk, and then delivers it upstream.
import { RELAY_OPTIONS } from '../../relay/options.ts';
import { RELAY_WEB_OPTIONS } from '../../web/server/options.ts';
import type { Command } from '../command.ts';
import { runPlans } from '../lifecycle.ts';
import { planRelay } from '../mail-plan.ts';

export const relay: Command = {
  usage: 'relay --upstream URL [options]',
  description: 'Accepts mail, stores it durably, and passes it on, with retries until it is delivered or expires.',
  examples: [
    ['lonedot relay --upstream smtp://smtp.example.com:587', 'SMTP on 127.0.0.1:2525, the queue in ./lonedot.db'],
    ['lonedot relay --upstream smtps://user:pass@a.example --upstream smtp://b.example', 'b when a does not answer'],
    ['LONEDOT_UPSTREAM=smtps://user:pass@a.example lonedot relay', 'a password that ps does not show'],
  ],
  table: { ...RELAY_OPTIONS, ...RELAY_WEB_OPTIONS },
  run: (context) => {
    const { sources } = context;
    return runPlans(context, (file) => [planRelay({ ...sources, file: file?.section('relay')[0] })]);
  },
};
