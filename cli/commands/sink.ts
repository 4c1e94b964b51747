// `lonedot` and `lonedot sink`: a mail server for development that keeps every message and delivers none.
import { SINK_OPTIONS } from '../../relay/options.ts';
import { SINK_WEB_OPTIONS } from '../../web/server/options.ts';
import type { Command } from '../command.ts';
import { runPlans } from '../lifecycle.ts';
import { planSink } from '../mail-plan.ts';

export const sink: Command = {
  usage: '[sink] [options]',
  description: 'Accepts every mail and shows it on a web page. Nothing is delivered to anybody.',
  examples: [
    ['lonedot', 'SMTP on 127.0.0.1:1025, the web page on http://127.0.0.1:8025/'],
    ['lonedot -s 0.0.0.0:1025 -l 0.0.0.0:8025', 'for other machines and containers as well'],
    ['lonedot -d ./inbox.db -m 0', 'keep all mail, also over a restart'],
  ],
  table: { ...SINK_OPTIONS, ...SINK_WEB_OPTIONS },
  run: (context) => {
    const { sources } = context;
    return runPlans(context, (file) => [planSink({ ...sources, file: file?.section('sink')[0] })]);
  },
};
