// The side: where to go, tags, what the server says, and the theme.
import { useSignal } from '@preact/signals';
import { COMMANDS, find } from './commands.ts';
import { number } from './format.ts';
import { tags, total, unread } from './list/mailbox.ts';
import { connection, serverErrors } from './live.ts';
import { tagQuery } from './message/tags.tsx';
import { Button } from './parts/button.tsx';
import { Icon, type IconName } from './parts/icon.tsx';
import { formatHash, type Route, route } from './route.ts';
import { server, serverUi } from './server-info.ts';
import { setTheme, type Theme, theme } from './theme.ts';

/** Open or not where it lies over the list. */
export const isSideOpen = (): boolean => document.body.classList.contains('side-open');
export function showSide(isOpen: boolean): void {
  document.body.classList.toggle('side-open', isOpen);
}

const TAGS_SHOWN = 12;

export function Sidebar() {
  const now = route.value;
  const isInbox = now.view === 'inbox' || now.view === 'mail' || now.view === 'compare';
  return (
    <aside class="side" aria-label="Mailbox">
      <div class="brand">
        <span class="dot" />
        <span class="name">{serverUi.value?.Label || 'lonedot'}</span>
        <ConnectionState />
      </div>
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: links hear the keys themselves */}
      <nav
        aria-label="Pages"
        onClick={(event) => {
          if (event.target instanceof Element && event.target.closest('a,button')) showSide(false);
        }}
      >
        <Link
          icon="inbox"
          title="Inbox"
          to={{ view: 'inbox', query: '' }}
          isHere={isInbox && now.query === ''}
          count={total.value}
        />
        <Link
          icon="unread"
          title="Unread"
          to={{ view: 'inbox', query: 'is:unread' }}
          isHere={isInbox && now.query === 'is:unread'}
          count={unread.value}
        />
        <Link
          icon="clip"
          title="Attachments"
          to={{ view: 'inbox', query: 'has:attachment' }}
          isHere={isInbox && now.query === 'has:attachment'}
        />
        <Link icon="box" title="Namespaces" to={{ view: 'namespaces' }} isHere={now.view === 'namespaces'} />
        <Link icon="bolt" title="Faults" to={{ view: 'faults' }} isHere={now.view === 'faults'} />
        <Link icon="send" title="Send mail here" to={{ view: 'first-mail' }} isHere={now.view === 'first-mail'} />
        <Tags />
      </nav>
      <span class="space" />
      <ServerErrors />
      <footer class="side-foot">
        <Themes />
        <span class="space" />
        <Button icon="command" label="All commands" hint="Ctrl K" kind="quiet" onClick={COMMANDS.palette.run} />
        <Button icon="help" label="Keys" hint="?" kind="quiet" onClick={COMMANDS.keys.run} />
      </footer>
      {server.value && <p class="version dim">lonedot {server.value.version}</p>}
    </aside>
  );
}

interface LinkProps {
  readonly icon: IconName;
  readonly title: string;
  readonly to: Partial<Route>;
  readonly isHere: boolean;
  readonly count?: number;
}

function Link({ icon, title, to, isHere, count }: LinkProps) {
  const href = formatHash({ view: 'inbox', id: '', other: '', tab: null, query: '', ...to });
  return (
    <a class="side-link" href={href} aria-current={isHere ? 'page' : undefined}>
      <Icon name={icon} />
      <span>{title}</span>
      {count !== undefined && count > 0 && <span class="number">{number(count)}</span>}
    </a>
  );
}

function Tags() {
  const isWhole = useSignal(false);
  const all = tags.value;
  if (all.length === 0) return null;
  const shown = isWhole.value ? all : all.slice(0, TAGS_SHOWN);
  return (
    <section class="side-tags" aria-label="Tags">
      <h2>Tags</h2>
      {shown.map((tag) => (
        <button
          key={tag}
          type="button"
          class="side-link"
          aria-current={route.value.query === tagQuery(tag) ? 'page' : undefined}
          onClick={() => find(tagQuery(tag))}
        >
          <Icon name="tag" />
          <span>{tag}</span>
        </button>
      ))}
      {shown.length < all.length && (
        <button
          type="button"
          class="link"
          onClick={(event) => {
            event.stopPropagation();
            isWhole.value = true;
          }}
        >
          All {number(all.length)}
        </button>
      )}
    </section>
  );
}

const STATES = { live: 'Live', connecting: 'Connecting', lost: 'Not connected; trying again' } as const;

function ConnectionState() {
  const state = connection.value;
  return (
    <span class={`connection ${state}`} role="status" title={STATES[state]}>
      <span class="off-screen">{STATES[state]}</span>
    </span>
  );
}

function ServerErrors() {
  const [last] = serverErrors.value;
  if (last === undefined) return null;
  return (
    <div class="server-error" role="status">
      <Icon name="warning" />
      <span>{last}</span>
      <Button
        icon="close"
        label="Dismiss"
        kind="quiet"
        onClick={() => {
          serverErrors.value = [];
        }}
      />
    </div>
  );
}

const THEMES: readonly { readonly id: Theme; readonly title: string; readonly icon: IconName }[] = [
  { id: 'system', title: 'Light or dark as the system is', icon: 'screen' },
  { id: 'light', title: 'Light', icon: 'sun' },
  { id: 'dark', title: 'Dark', icon: 'moon' },
];

function Themes() {
  return (
    <div class="group" role="group" aria-label="Theme">
      {THEMES.map(({ id, title, icon }) => (
        <Button
          key={id}
          icon={icon}
          label={title}
          kind="quiet"
          pressed={theme.value === id}
          onClick={() => setTheme(id)}
        />
      ))}
    </div>
  );
}
