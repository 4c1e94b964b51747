// The open mail: what it says of itself, what can be done with it, and its views under tabs.
import type { Message, Summary } from '../api-types.ts';
import { backToList, COMMANDS, deleteTarget, mark } from '../commands.ts';
import { addressed, person, size, whenFull } from '../format.ts';
import { rows, version } from '../list/mailbox.ts';
import { cursorIndex } from '../list/selection.ts';
import { Button } from '../parts/button.tsx';
import { Failure } from '../parts/loaded.tsx';
import { Tabs } from '../parts/tabs.tsx';
import { go, route, type Tab } from '../route.ts';
import { Attachments } from './attachments.tsx';
import { ChecksTab } from './checks-tab.tsx';
import { HeadersTab } from './headers-tab.tsx';
import { HtmlTab } from './html-tab.tsx';
import { load, openMail, shownTab, shownTabs } from './open-mail.ts';
import { SmtpTab } from './smtp-tab.tsx';
import { SourceTab } from './source-tab.tsx';
import { StructureTab } from './structure-tab.tsx';
import { TagLine } from './tags.tsx';
import { TextTab } from './text-tab.tsx';

const TITLES: Readonly<Record<Tab, string>> = {
  html: 'HTML',
  text: 'Text',
  headers: 'Headers',
  structure: 'Structure',
  source: 'Source',
  smtp: 'SMTP',
  checks: 'Checks',
};

export function MailView() {
  void version.value;
  const open = openMail.value;
  const { id } = route.value;
  const row = rows.get(id);
  if (open.state === 'failed') {
    return (
      <section class="mail" aria-label="Mail">
        <Actions id={id} row={row} />
        <Failure
          what={open.isGone ? 'such mail' : 'mail'}
          line={open.isGone ? 'It may have been deleted, or retention has removed it.' : open.line}
          {...(open.isGone ? {} : { again: () => void load(id) })}
        />
      </section>
    );
  }
  const mail = open.state === 'there' && open.id === id ? open.mail : null;
  return (
    <section class="mail" aria-label="Mail" aria-busy={mail === null}>
      <Actions id={mail?.ID ?? id} row={row} />
      <Head mail={mail} row={row} />
      <Tabs
        label="Views of the mail"
        tabs={shownTabs.value.map((tab) => ({ id: tab, title: TITLES[tab] }))}
        shown={shownTab.value}
        show={(tab) => go({ tab }, true)}
      >
        {mail === null ? <div class="pane" /> : <Pane key={mail.ID} mail={mail} tab={shownTab.value} />}
      </Tabs>
    </section>
  );
}

function Pane({ mail, tab }: { mail: Message; tab: Tab }) {
  switch (tab) {
    case 'html':
      return <HtmlTab mail={mail} />;
    case 'text':
      return <TextTab mail={mail} />;
    case 'headers':
      return <HeadersTab id={mail.ID} />;
    case 'structure':
      return <StructureTab id={mail.ID} />;
    case 'source':
      return <SourceTab mail={mail} />;
    case 'smtp':
      return <SmtpTab id={mail.ID} />;
    case 'checks':
      return <ChecksTab mail={mail} />;
  }
}

function Actions({ id, row }: { id: string; row: Summary | undefined }) {
  const index = cursorIndex.value;
  return (
    <div class="actions" role="toolbar" aria-label="This mail">
      <Button icon="back" label="Back to the list" hint="u" kind="quiet" onClick={backToList} />
      <span class="space" />
      <Button
        icon="unread"
        label="Mark unread"
        kind="quiet"
        disabled={row?.Read === false}
        onClick={() => void mark({ ids: [id] }, false)}
      />
      <Button icon="tag" label="Edit tags" hint="t" kind="quiet" onClick={COMMANDS.tag.run} />
      <Button icon="compare" label="Compare with another mail" hint="c" kind="quiet" onClick={COMMANDS.compare.run} />
      <Button icon="send" label="Release to a real recipient" hint="s" kind="quiet" onClick={COMMANDS.release.run} />
      <Button icon="download" label="Download the mail (.eml)" kind="quiet" onClick={COMMANDS.download.run} />
      <Button icon="trash" label="Delete" hint="#" kind="quiet" onClick={deleteTarget} />
      <span class="divider" />
      <Button
        icon="up"
        label="Newer mail"
        hint="k"
        kind="quiet"
        disabled={index <= 0}
        onClick={COMMANDS.previous.run}
      />
      <Button
        icon="down"
        label="Older mail"
        hint="j"
        kind="quiet"
        disabled={index < 0 || index >= rows.length - 1}
        onClick={COMMANDS.next.run}
      />
    </div>
  );
}

/** From the row while the mail itself is not there, so that nothing moves when it comes. */
function Head({ mail, row }: { mail: Message | null; row: Summary | undefined }) {
  const from = mail?.From ?? row?.From;
  const received = row?.Created ?? mail?.Date ?? '';
  const rowsOf = [
    ['To', mail?.To ?? row?.To],
    ['Cc', mail?.Cc ?? row?.Cc],
    ['Bcc', mail?.Bcc ?? row?.Bcc],
    ['Reply to', mail?.ReplyTo],
  ] as const;
  return (
    <header class="mail-head">
      <h1>
        {mail?.Subject ?? row?.Subject ?? ' '}
        {(mail ?? row)?.Subject === '' && '(no subject)'}
      </h1>
      <div class="mail-from">
        <span class="who">{person(from) || '(no sender)'}</span>
        {from?.Name && <span class="address">{from.Address}</span>}
        <span class="space" />
        <time class="dim" dateTime={received}>
          {whenFull(received)}
        </time>
        <span class="dim">{size(mail?.Size ?? row?.Size ?? 0)}</span>
      </div>
      <dl class="mail-to">
        {rowsOf.map(
          ([title, addrs]) =>
            addrs &&
            addrs.length > 0 && (
              <div key={title}>
                <dt>{title}</dt>
                <dd title={addrs.map(addressed).join(', ')}>{addrs.map(addressed).join(', ')}</dd>
              </div>
            ),
        )}
      </dl>
      <TagLine id={mail?.ID ?? row?.ID ?? ''} tags={row?.Tags ?? mail?.Tags ?? []} />
      {mail && mail.Attachments.length + mail.Inline.length > 0 && <Attachments mail={mail} />}
    </header>
  );
}
