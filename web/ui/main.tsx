// Starts the page: the first list is asked for before anything is drawn.
import { render } from 'preact';
import { App } from './app.tsx';
import { startKeys } from './keys.ts';
import { heed, openMailbox, refresh } from './list/mailbox.ts';
import { startLive } from './live.ts';
import { followOpenMail, load, openMail, patchOpen } from './message/open-mail.ts';
import { learnServer } from './server-info.ts';
import './theme.ts';

openMailbox();
followOpenMail();
startLive({
  events: (batch) => {
    heed(batch);
    for (const event of batch) {
      if (event.Type === 'update' && event.Data.Tags) patchOpen(event.Data.ID, event.Data.Tags);
    }
  },
  again: () => {
    void refresh();
    void learnServer();
    const open = openMail.value;
    if (open.state === 'failed') void load(open.id);
  },
});
void learnServer();
startKeys();
render(<App />, document.getElementById('app')!);
