// Releasing a mail: sending it on to real people.
import { useSignal } from '@preact/signals';
import * as api from '../api.ts';
import { lineOf } from '../http.ts';
import { rows } from '../list/mailbox.ts';
import { tell } from '../notices.ts';
import { Button } from '../parts/button.tsx';
import { closeOverlay, Dialog } from '../parts/dialog.tsx';
import { serverUi } from '../server-info.ts';
import { openMail } from './open-mail.ts';

export function ReleaseDialog({ id }: { id: string }) {
  const open = openMail.value;
  const mail = open.state === 'there' && open.mail.ID === id ? open.mail : rows.get(id);
  const proposed = [...(mail?.To ?? []), ...(mail?.Cc ?? []), ...(mail?.Bcc ?? [])].map(({ Address }) => Address);
  const to = useSignal([...new Set(proposed)].join('\n'));
  const problem = useSignal('');
  const isBusy = useSignal(false);
  const relay = serverUi.value?.MessageRelay;

  if (relay && !relay.Enabled) {
    return (
      <Dialog title="Release">
        <p>
          There is no upstream to which a mail could be released. Start lonedot with one, and mail can be sent on to
          real recipients from here.
        </p>
        <div class="dialog-foot">
          <Button onClick={closeOverlay}>Close</Button>
        </div>
      </Dialog>
    );
  }
  const send = async (): Promise<void> => {
    const addresses = to.value
      .split(/[\n,;]+/)
      .map((address) => address.trim())
      .filter(Boolean);
    if (addresses.length === 0) {
      problem.value = 'Name at least one recipient.';
      return;
    }
    isBusy.value = true;
    try {
      await api.release(id, addresses);
      closeOverlay();
      tell(`Released to ${addresses.join(', ')}`);
    } catch (error) {
      problem.value = lineOf(error);
      isBusy.value = false;
    }
  };
  return (
    <Dialog title="Release">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void send();
        }}
      >
        <p>
          Sends this mail as it is
          {relay?.SMTPServer ? (
            <>
              {' '}
              over <code>{relay.SMTPServer}</code>
            </>
          ) : (
            ''
          )}{' '}
          to:
        </p>
        <label class="field">
          <span>Recipients, one a line</span>
          <textarea
            rows={4}
            spellcheck={false}
            value={to.value}
            onInput={(event) => {
              to.value = event.currentTarget.value;
            }}
          />
        </label>
        {relay?.AllowedRecipients && (
          <p class="dim">
            Allowed are <code>{relay.AllowedRecipients}</code>.
          </p>
        )}
        {problem.value !== '' && (
          <p class="problem" role="alert">
            {problem.value}
          </p>
        )}
        <div class="dialog-foot">
          <Button onClick={closeOverlay}>Cancel</Button>
          <Button kind="main" submit disabled={isBusy.value}>
            Release
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
