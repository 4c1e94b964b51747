// The form of one fault rule. What belongs together is checked by the server, whose sentence is shown; empty fields are
// conditions that are not made.
import { useSignal } from '@preact/signals';
import * as api from '../api.ts';
import { lineOf } from '../http.ts';
import type { FaultView, NewFault } from '../own-types.ts';
import { Button } from '../parts/button.tsx';
import { Choice, Field } from '../parts/field.tsx';
import { ACTIONS, type Action, actionOf, PHASES } from './fault-words.ts';

export function FaultForm({ rule, done }: { rule: FaultView | null; done: () => void }) {
  const phase = useSignal<NewFault['phase']>(rule?.phase ?? 'rcpt');
  const action = useSignal<Action>(rule ? actionOf(rule) : 'reply');
  const value = useSignal(rule ? valueOfAction(rule) : '451 4.3.0 Try later');
  const when = useSignal<'before' | 'after'>(rule?.drop ?? rule?.reset ?? 'before');
  const delay = useSignal(textOf(rule?.delay));
  const from = useSignal(rule?.from ?? '');
  const to = useSignal(rule?.to ?? '');
  const namespace = useSignal(rule?.namespace ?? '');
  const listener = useSignal(rule?.listener ?? '');
  const nth = useSignal(textOf(rule?.nth));
  const every = useSignal(textOf(rule?.every));
  const count = useSignal(textOf(rule?.count));
  const after = useSignal(textOf(rule?.afterCommands));
  const probability = useSignal(textOf(rule?.probability));
  const seed = useSignal(textOf(rule?.seed));
  const problem = useSignal('');

  const save = async (): Promise<void> => {
    // Numbers with and without a unit: the server reads both.
    const wanted = {
      ...(rule ? { id: rule.id } : {}),
      phase: phase.value,
      ...given('delay', plain(delay.value)),
      ...actionFields(action.value, value.value, when.value),
      ...given('from', from.value.trim()),
      ...given('to', to.value.trim()),
      ...given('namespace', namespace.value.trim()),
      ...given('listener', listener.value.trim()),
      ...given('nth', plain(nth.value)),
      ...given('every', plain(every.value)),
      ...given('count', plain(count.value)),
      ...given('afterCommands', plain(after.value)),
      ...given('probability', plain(probability.value)),
      ...given('seed', plain(seed.value)),
    } as NewFault;
    try {
      await (rule ? changeFault(rule.id, wanted) : api.createFault(wanted));
      done();
    } catch (error) {
      problem.value = lineOf(error);
    }
  };
  const { hint } = ACTIONS[action.value];
  return (
    <form
      class="form card"
      aria-label={rule ? `Rule ${rule.id}` : 'New rule'}
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <Choice title="At" value={phase} choices={PHASES} />
      <Choice
        title="Do"
        value={action}
        choices={Object.entries(ACTIONS).map(([id, { title }]) => [id as Action, title] as const)}
      />
      {hint !== null && <Field title={ACTIONS[action.value].field} hint={hint} value={value} />}
      {(action.value === 'drop' || action.value === 'reset') && (
        <Choice
          title="When"
          value={when}
          choices={[
            ['before', 'before it is handled'],
            ['after', 'stored, and not answered (end of content)'],
          ]}
        />
      )}
      <Field title="Delay" hint="500ms, 2s" value={delay} />
      <Field title="From" hint="Any; *@example.com" value={from} />
      <Field title="To" hint="Any; *@example.com" value={to} />
      <Field title="Namespace" hint="Any" value={namespace} />
      <Field title="Listener" hint="Any; 1025" value={listener} />
      <Field title="Only the nth match" hint="All" value={nth} />
      <Field title="Every nth match" hint="All" value={every} />
      <Field title="At most so often" hint="No limit" value={count} />
      <Field title="After so many commands" hint="Always" value={after} />
      <Field title="Probability" hint="1; 0.5 is every other" value={probability} />
      <Field title="Seed" hint="Made of the id" value={seed} />
      {problem.value !== '' && (
        <p class="problem" role="alert">
          {problem.value}
        </p>
      )}
      <div class="form-foot">
        <Button onClick={done}>Cancel</Button>
        <Button kind="main" submit>
          {rule ? 'Save' : 'Add the rule'}
        </Button>
      </div>
    </form>
  );
}

/** In its place: the order says which of them strikes. */
async function changeFault(id: string, changed: NewFault): Promise<void> {
  const rules = (await api.faults()).map(({ hits, matches, ...rule }) => (rule.id === id ? changed : rule));
  await api.replaceFaults(rules);
}

function actionFields(action: Action, value: string, when: 'before' | 'after'): Record<string, unknown> {
  if (action === 'none') return {};
  if (action === 'fail') return { fail: true };
  if (action === 'drop' || action === 'reset') return { [action]: when };
  return { [action]: action === 'reply' ? value.trim() : plain(value) };
}

function valueOfAction(rule: FaultView): string {
  const action = actionOf(rule);
  return action === 'reply' || action === 'truncate' || action === 'throttle' ? textOf(rule[action]) : '';
}

function textOf(value: string | number | undefined): string {
  return value === undefined ? '' : String(value);
}

/** A number as such. */
function plain(text: string): string | number {
  const trimmed = text.trim();
  return /^\d+(?:\.\d+)?$/.test(trimmed) ? Number(trimmed) : trimmed;
}

function given(key: string, value: string | number): Record<string, string | number> {
  return value === '' ? {} : { [key]: value };
}
