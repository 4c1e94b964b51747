// The sink's options of what goes wrong on purpose.
import type { OptionTable } from '../src/options.ts';

const GROUP = 'Faults';

export const FAULT_OPTIONS = {
  fault: {
    type: 'string',
    list: true,
    // Replies hold commas and blanks.
    separator: ';',
    otherwise: 'none',
    describe: 'What goes wrong on purpose, such as rcpt to=@x.example reply=451; may be repeated',
    group: GROUP,
  },
  'enable-chaos': {
    type: 'boolean',
    default: false,
    variables: ['MP_ENABLE_CHAOS'],
    describe: 'Let Mailpit clients set chaos triggers over HTTP',
    group: GROUP,
  },
  'chaos-triggers': {
    type: 'string',
    otherwise: 'none',
    variables: ['MP_CHAOS_TRIGGERS'],
    describe: 'Chaos from the start, as Sender:451:5,Recipient:451:10,Authentication:535:50',
    group: GROUP,
  },
} as const satisfies OptionTable;
