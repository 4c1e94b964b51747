// Faults: rules by which the SMTP server misbehaves, with how often each has struck; made, changed and deleted here.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import * as api from '../api.ts';
import { number } from '../format.ts';
import { tellFailure } from '../notices.ts';
import type { FaultView } from '../own-types.ts';
import { Button } from '../parts/button.tsx';
import { ask } from '../parts/dialog.tsx';
import { Show, useLoaded } from '../parts/loaded.tsx';
import { FaultForm } from './fault-form.tsx';
import { conditions, PHASES, sentence } from './fault-words.ts';

/** How often the counters are looked at while the page is in sight. */
const LOOK_MS = 2000;

const PHASE_WORDS = new Map<string, string>(PHASES);

export function FaultsPage() {
  const [found, again] = useLoaded('faults', (signal) => api.faults(signal));
  /** The rule that is changed; `new` for one that is not there yet. */
  const edited = useSignal<string | null>(null);
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) again();
    }, LOOK_MS);
    return () => clearInterval(timer);
  }, []);
  const done = (): void => {
    edited.value = null;
    again();
  };
  const act = (what: Promise<void>): void => void what.catch((error) => tellFailure('Not done', error)).then(again);
  return (
    <section class="page" aria-label="Faults">
      <header class="page-head">
        <h1>Faults</h1>
        {found.state === 'there' && found.value.length > 0 && (
          <Button
            onClick={() =>
              ask({
                title: 'Delete all rules?',
                text: 'The server behaves again.',
                action: 'Delete them',
                run: () => act(api.deleteFaults()),
              })
            }
          >
            Delete all
          </Button>
        )}
        <Button
          icon="plus"
          kind="main"
          onClick={() => {
            edited.value = edited.value === 'new' ? null : 'new';
          }}
        >
          New rule
        </Button>
      </header>
      <p class="dim">
        Rules by which the SMTP server misbehaves, so that you see what your program makes of it. At each step the first
        one that fits strikes.
      </p>
      {edited.value === 'new' && <FaultForm rule={null} done={done} />}
      <Show of={found} what="rules" again={again}>
        {(all) =>
          all.length === 0 ? (
            <p class="nothing-here">There are no rules: the server behaves.</p>
          ) : (
            <ol class="cards">
              {all.map((rule) =>
                edited.value === rule.id ? (
                  <li key={rule.id}>
                    <FaultForm rule={rule} done={done} />
                  </li>
                ) : (
                  <Card
                    key={rule.id}
                    rule={rule}
                    edit={() => {
                      edited.value = rule.id;
                    }}
                    remove={() => act(api.deleteFault(rule.id))}
                  />
                ),
              )}
            </ol>
          )
        }
      </Show>
    </section>
  );
}

function Card({ rule, edit, remove }: { rule: FaultView; edit: () => void; remove: () => void }) {
  return (
    <li class="card">
      <div class="card-head">
        <h2>
          At {PHASE_WORDS.get(rule.phase) ?? rule.phase}: {sentence(rule)}
        </h2>
        <span class="space" />
        <span class="badge" title={`Its conditions held ${rule.matches} times`}>
          {rule.hits === 1 ? 'struck once' : `struck ${number(rule.hits)} times`}
        </span>
        <Button onClick={edit}>Edit</Button>
        <Button icon="trash" label={`Delete the rule ${rule.id}`} kind="quiet" onClick={remove} />
      </div>
      <p class="dim">
        <code>{rule.id}</code> {conditions(rule).join(' · ')}
      </p>
    </li>
  );
}
