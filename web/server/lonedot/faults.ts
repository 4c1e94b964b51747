// Fault rules over HTTP: the rules in their order, each with what it has done. A namespace sees and changes its own.
import type { FaultRules } from '../../../relay/faults/fault-rules.ts';
import type { Handler, Request, Web } from '../context.ts';
import { readJson } from '../frame/body.ts';
import { Refusal, refusalFrom } from '../frame/refusal.ts';

const NO_RULE = 'there is no such fault rule';

export const listFaults: Handler = (c, web) => c.json({ faults: rulesOf(web).list(c.get('namespace')) });

/** Behind all others. */
export const createFault: Handler = async (c, web) => {
  const given = await readJson(c);
  const namespace = c.get('namespace');
  const scoped = namespace === undefined || typeof given !== 'object' ? given : { ...given, namespace };
  return c.json(
    checked(() => rulesOf(web).add(scoped)),
    201,
  );
};

/** The body has all rules, `{ faults: [...] }`. */
export const replaceFaults: Handler = async (c, web) => {
  const { faults } = ((await readJson(c)) ?? {}) as { faults?: unknown };
  if (!Array.isArray(faults)) throw new Refusal(400, 'faults must be an array of rules');
  return c.json({ faults: checked(() => rulesOf(web).replace(faults, c.get('namespace'))) });
};

export const deleteFaults: Handler = (c, web) => {
  rulesOf(web).replace([], c.get('namespace'));
  return c.body(null, 204);
};

export const getFault: Handler = (c, web) => c.json(ruleFor(c, web));

export const deleteFault: Handler = (c, web) => {
  rulesOf(web).remove(ruleFor(c, web).id);
  return c.body(null, 204);
};

/** Counts and chance begin anew. */
export const resetFault: Handler = (c, web) => {
  const { id } = ruleFor(c, web);
  rulesOf(web).reset(id);
  return c.json(rulesOf(web).get(id));
};

function rulesOf({ faults }: Web): FaultRules {
  if (!faults) throw new Refusal(404, 'this server injects no faults');
  return faults;
}

function ruleFor(c: Request, web: Web) {
  const rule = rulesOf(web).get(c.req.param('id') ?? '');
  const namespace = c.get('namespace');
  if (!rule || (namespace !== undefined && rule.namespace !== namespace)) throw new Refusal(404, NO_RULE);
  return rule;
}

function checked<T>(change: () => T): T {
  try {
    return change();
  } catch (error) {
    throw refusalFrom(error, ['BAD_OPTION']) ?? error;
  }
}
