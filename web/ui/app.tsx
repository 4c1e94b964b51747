// The page as a whole: side, list, and what is open beside it. On a narrow screen one of them at a time.
import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';
import { number } from './format.ts';
import { MailList } from './list/mail-list.tsx';
import { loaded, problem, total, unread } from './list/mailbox.ts';
import { SearchBox } from './list/search-box.tsx';
import { SearchHelp } from './list/search-help.tsx';
import { Toolbar } from './list/toolbar.tsx';
import { connection } from './live.ts';
import { CompareDialog, ComparePage } from './message/compare.tsx';
import { MailView } from './message/mail-view.tsx';
import { ReleaseDialog } from './message/release.tsx';
import { TagDialog } from './message/tags.tsx';
import { FaultsPage } from './pages/faults.tsx';
import { FirstMail } from './pages/first-mail.tsx';
import { NamespacesPage } from './pages/namespaces.tsx';
import { Button } from './parts/button.tsx';
import { AskDialog, overlay } from './parts/dialog.tsx';
import { KeysHelp } from './parts/keys-help.tsx';
import { NoticeBar } from './parts/notice-bar.tsx';
import { Palette } from './parts/palette.tsx';
import { route } from './route.ts';
import { isSideOpen, Sidebar, showSide } from './sidebar.tsx';

export function App() {
  const { view } = route.value;
  useEffect(() => {
    document.title = unread.value > 0 ? `(${number(unread.value)}) Inbox · lonedot` : 'Inbox · lonedot';
  }, [unread.value]);
  return (
    <div class={`app ${view === 'inbox' ? 'at-list' : 'at-detail'}`}>
      <Sidebar />
      <button type="button" class="veil" tabIndex={-1} aria-label="Close the menu" onClick={() => showSide(false)} />
      <section class="column" aria-label="Inbox">
        <div class="top">
          <MenuButton />
          <SearchBox />
        </div>
        {problem.value !== '' && route.value.query !== '' && (
          <p class="problem search-problem" role="alert">
            {problem.value}
          </p>
        )}
        {connection.value === 'lost' && (
          <p class="strip lost" role="status">
            The connection is lost. What is shown may be old.
          </p>
        )}
        <Toolbar />
        <MailList />
      </section>
      <main class="detail">
        <Detail />
      </main>
      <Overlays />
      <NoticeBar />
    </div>
  );
}

function Detail() {
  switch (route.value.view) {
    case 'mail':
      return <MailView />;
    case 'compare':
      return <ComparePage />;
    case 'namespaces':
      return page(<NamespacesPage />);
    case 'faults':
      return page(<FaultsPage />);
    case 'first-mail':
      return page(<FirstMail />);
    case 'inbox':
      if (!loaded.value) return null;
      if (total.value === 0 && problem.value === '') return <FirstMail isEmpty />;
      return (
        <p class="nothing-open">
          <span>
            <kbd>j</kbd> <kbd>k</kbd> to move, <kbd>Enter</kbd> to open, <kbd>?</kbd> for all keys
          </span>
        </p>
      );
  }
}

/** Where the list is not in sight, the way back to it is the menu. */
function page(content: ComponentChildren) {
  return (
    <>
      <div class="page-top">
        <MenuButton />
      </div>
      {content}
    </>
  );
}

function MenuButton() {
  return (
    <span class="menu">
      <Button icon="menu" label="Menu" kind="quiet" onClick={() => showSide(!isSideOpen())} />
    </span>
  );
}

function Overlays() {
  const shown = overlay.value;
  switch (shown?.name) {
    case 'palette':
      return <Palette />;
    case 'keys':
      return <KeysHelp />;
    case 'search-help':
      return <SearchHelp />;
    case 'ask':
      return <AskDialog question={shown.question} />;
    case 'release':
      return <ReleaseDialog id={shown.id} />;
    case 'tag':
      return <TagDialog ids={shown.ids} />;
    case 'compare':
      return <CompareDialog id={shown.id} />;
    case undefined:
      return null;
  }
}
