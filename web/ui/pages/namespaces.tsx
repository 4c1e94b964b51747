// Namespaces: parts of the inbox that one test or project owns. Made, looked into and deleted here.
import { useSignal } from '@preact/signals';
import * as api from '../api.ts';
import { find } from '../commands.ts';
import { number, plural, whenFull } from '../format.ts';
import { lineOf } from '../http.ts';
import { refresh } from '../list/mailbox.ts';
import { tell, tellFailure } from '../notices.ts';
import type { CreatedNamespace, NamespaceView, NewNamespace } from '../own-types.ts';
import { Button, CopyButton } from '../parts/button.tsx';
import { ask } from '../parts/dialog.tsx';
import { Field } from '../parts/field.tsx';
import { Show, useLoaded } from '../parts/loaded.tsx';

export function NamespacesPage() {
  const [found, again] = useLoaded('namespaces', (signal) => api.namespaces(signal));
  const isMaking = useSignal(false);
  const made = useSignal<CreatedNamespace | null>(null);
  return (
    <section class="page" aria-label="Namespaces">
      <header class="page-head">
        <h1>Namespaces</h1>
        <Button
          icon="plus"
          kind="main"
          onClick={() => {
            isMaking.value = !isMaking.value;
          }}
        >
          New namespace
        </Button>
      </header>
      <p class="dim">
        A part of the inbox that one test or project owns. Mail belongs to it by login, recipient, port or header;
        deleting it deletes only its own mail.
      </p>
      {isMaking.value && (
        <NewForm
          done={(next) => {
            made.value = next;
            isMaking.value = false;
            again();
          }}
        />
      )}
      {made.value && <Made namespace={made.value} />}
      <Show of={found} what="namespaces" again={again}>
        {(all) =>
          all.length === 0 ? (
            <p class="nothing-here">There are no namespaces.</p>
          ) : (
            <ul class="cards">
              {all.map((one) => (
                <Card key={one.name} namespace={one} again={again} />
              ))}
            </ul>
          )
        }
      </Show>
    </section>
  );
}

function Card({ namespace, again }: { namespace: NamespaceView; again: () => void }) {
  const { name, createdAt, expiresAt, recipients, users, ports, headers, messages, unread } = namespace;
  const facts: readonly (readonly [string, readonly (string | number)[]])[] = [
    ['Recipients', recipients],
    ['Logins', users],
    ['Ports', ports],
    ['Headers', headers],
  ];
  const remove = async (): Promise<void> => {
    try {
      await api.deleteNamespace(name);
      tell(`${name} and its mail are deleted`);
      void refresh();
    } catch (error) {
      tellFailure('Not deleted', error);
    }
    again();
  };
  return (
    <li class="card">
      <div class="card-head">
        <h2>{name}</h2>
        <span class="dim">
          {plural(messages, 'mail')}
          {unread > 0 && `, ${number(unread)} unread`}
        </span>
        <span class="space" />
        <Button onClick={() => find(`ns:${name}`)}>Show its mail</Button>
        <Button
          icon="trash"
          label={`Delete ${name}`}
          kind="quiet"
          onClick={() =>
            ask({
              title: `Delete ${name}?`,
              text: 'Its mail is deleted with it. There is no way back.',
              action: 'Delete it',
              run: () => void remove(),
            })
          }
        />
      </div>
      <dl class="facts">
        {facts.map(
          ([title, values]) =>
            values.length > 0 && (
              <div key={title}>
                <dt>{title}</dt>
                <dd>
                  <code>{values.join(', ')}</code>
                </dd>
              </div>
            ),
        )}
        <div>
          <dt>Made</dt>
          <dd>{whenFull(createdAt)}</dd>
        </div>
        <div>
          <dt>Expires</dt>
          <dd>{expiresAt === null ? 'never' : whenFull(expiresAt)}</dd>
        </div>
      </dl>
    </li>
  );
}

/** What a test needs to use it. */
function Made({ namespace: { name, smtp, apiBase } }: { namespace: CreatedNamespace }) {
  const { host, port, username, password } = smtp;
  const place = host === undefined ? '' : `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const url = `smtp://${encodeURIComponent(username)}:${encodeURIComponent(password)}@${place}`;
  return (
    <section class="card made" aria-label={`How to use ${name}`}>
      <p>
        What is sent with this login belongs to <strong>{name}</strong>; the API below knows of nothing else.
      </p>
      <dl class="facts">
        {place !== '' && <Copied title="SMTP" text={url} />}
        <Copied title="API" text={apiBase} />
      </dl>
    </section>
  );
}

function Copied({ title, text }: { title: string; text: string }) {
  return (
    <div>
      <dt>{title}</dt>
      <dd>
        <code>{text}</code>
        <CopyButton text={text} label={`Copy ${title}`} />
      </dd>
    </div>
  );
}

function NewForm({ done }: { done: (made: CreatedNamespace) => void }) {
  const name = useSignal('');
  const ttl = useSignal('24h');
  const recipients = useSignal('');
  const users = useSignal('');
  const ports = useSignal('');
  const headers = useSignal('');
  const problem = useSignal('');

  const make = async (): Promise<void> => {
    const wanted: NewNamespace = {
      ...(name.value.trim() === '' ? {} : { name: name.value.trim() }),
      ...(ttl.value.trim() === '' ? {} : { ttl: ttl.value.trim() }),
      ...listed('recipients', words(recipients.value)),
      ...listed('users', words(users.value)),
      ...listed('ports', words(ports.value).map(Number)),
      ...listed('headers', linesOf(headers.value)),
    };
    try {
      done(await api.createNamespace(wanted));
    } catch (error) {
      problem.value = lineOf(error);
    }
  };
  return (
    <form
      class="form card"
      onSubmit={(event) => {
        event.preventDefault();
        void make();
      }}
    >
      <Field title="Name" hint="Made up when left empty" value={name} />
      <Field title="Expires after" hint="30m, 24h, 7d, never" value={ttl} />
      <Field title="Recipients" hint="*+name@*, @name.test" value={recipients} />
      <Field title="Logins" hint="SMTP user names" value={users} />
      <Field title="Ports" hint="1025" value={ports} />
      <Field title="Headers" hint="X-Test-Run: 17" value={headers} />
      {problem.value !== '' && (
        <p class="problem" role="alert">
          {problem.value}
        </p>
      )}
      <div class="form-foot">
        <Button kind="main" submit>
          Make it
        </Button>
      </div>
    </form>
  );
}

function listed<T>(key: string, values: readonly T[]): Record<string, readonly T[]> {
  return values.length === 0 ? {} : { [key]: values };
}

function words(text: string): string[] {
  return text.split(/[\s,]+/).filter(Boolean);
}

function linesOf(text: string): string[] {
  return text
    .split(/[\n;]+/)
    .map((line) => line.trim())
    .filter(Boolean);
}
