// Mailpit's routes for chaos: errors by chance.
import type { Chaos } from '../../../relay/faults/chaos.ts';
import type { Handler, Web } from '../context.ts';
import { readJson } from '../frame/body.ts';
import { Refusal, refusalFrom } from '../frame/refusal.ts';

export const getChaos: Handler = (c, web) => c.json(chaosOf(web).get());

export const setChaos: Handler = async (c, web) => {
  const chaos = chaosOf(web);
  const given = await readJson(c);
  if (given === undefined) throw new Refusal(400, 'the body is empty');
  try {
    return c.json(chaos.set(given));
  } catch (error) {
    throw refusalFrom(error, ['BAD_OPTION']) ?? error;
  }
};

function chaosOf({ chaos }: Web): Chaos {
  if (!chaos) throw new Refusal(400, 'Chaos is not enabled');
  return chaos;
}
