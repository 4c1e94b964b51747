// What is wrong with the mail, or will be somewhere: its form, its HTML in mail clients, its links, spam, and how to
// unsubscribe. The links are only followed when asked: that is seen by whoever they belong to.
import { useSignal } from '@preact/signals';
import * as api from '../api.ts';
import type { LinkCheck, Message, SpamCheck } from '../api-types.ts';
import { number, plural } from '../format.ts';
import { Button } from '../parts/button.tsx';
import { Show, useLoaded } from '../parts/loaded.tsx';
import { serverUi } from '../server-info.ts';
import { HtmlCheckView } from './html-check.tsx';

export function ChecksTab({ mail }: { mail: Message }) {
  return (
    <div class="pane scrolls checks" tabIndex={0} role="region" aria-label="Checks">
      <Lint id={mail.ID} />
      {mail.HTML !== '' && <HtmlCheckView id={mail.ID} />}
      <Links id={mail.ID} />
      {serverUi.value?.SpamAssassin && <Spam id={mail.ID} />}
      <Unsubscribe of={mail.ListUnsubscribe} />
    </div>
  );
}

function Lint({ id }: { id: string }) {
  const [findings, again] = useLoaded(id, (signal) => api.lint(id, signal));
  return (
    <section class="check">
      <h2>Form of the mail</h2>
      <Show of={findings} what="findings" again={again}>
        {(all) =>
          all.length === 0 ? (
            <p class="verdict good">Nothing to complain about.</p>
          ) : (
            <ul class="findings">
              {all.map(({ level, rule, message, where = '', reference = '' }) => (
                <li key={`${rule} ${where} ${message}`}>
                  <span class={`badge ${level}`}>{level}</span> <span>{message}</span>{' '}
                  <span class="dim">
                    {[where, reference].filter(Boolean).join(' · ')} <code>{rule}</code>
                  </span>
                </li>
              ))}
            </ul>
          )
        }
      </Show>
    </section>
  );
}

function Links({ id }: { id: string }) {
  const asked = useSignal<'no' | 'plain' | 'follow'>('no');
  return (
    <section class="check">
      <h2>Links</h2>
      {asked.value === 'no' ? (
        <>
          <p class="dim">Asks each address in the mail for an answer. Whoever it belongs to can see that.</p>
          <div class="buttons">
            <Button
              onClick={() => {
                asked.value = 'plain';
              }}
            >
              Check the links
            </Button>
            <Button
              onClick={() => {
                asked.value = 'follow';
              }}
            >
              Check, and follow redirects
            </Button>
          </div>
        </>
      ) : (
        <LinksFound id={id} follow={asked.value === 'follow'} />
      )}
    </section>
  );
}

function LinksFound({ id, follow }: { id: string; follow: boolean }) {
  const [found, again] = useLoaded<LinkCheck>(`${id} ${follow}`, (signal) => api.linkCheck(id, follow, signal));
  return (
    <Show of={found} what="answers" again={again}>
      {({ Links, Errors }) =>
        Links === null || Links.length === 0 ? (
          <p class="verdict">The mail has no links.</p>
        ) : (
          <>
            <p class={`verdict ${Errors === 0 ? 'good' : 'bad'}`}>
              {Errors === 0
                ? `${plural(Links.length, 'link')}, no failure.`
                : `${number(Errors)} of ${plural(Links.length, 'link')} failed.`}
            </p>
            <ul class="links-found">
              {Links.map(({ URL: address, StatusCode, Status }) => (
                <li key={address}>
                  <span
                    class={`badge ${StatusCode >= 200 && StatusCode < 300 ? 'good' : StatusCode >= 300 && StatusCode < 400 ? 'warning' : 'error'}`}
                  >
                    {StatusCode || 'failed'}
                  </span>
                  <span class="address">{address}</span>
                  <span class="dim">{Status}</span>
                </li>
              ))}
            </ul>
          </>
        )
      }
    </Show>
  );
}

function Spam({ id }: { id: string }) {
  const [found, again] = useLoaded<SpamCheck>(id, (signal) => api.spamCheck(id, signal));
  return (
    <section class="check">
      <h2>Spam</h2>
      <Show of={found} what="verdict" again={again}>
        {({ Error: problem, IsSpam, Score, Rules }) =>
          problem !== '' ? (
            <p class="verdict bad">{problem}</p>
          ) : (
            <>
              <p class={`verdict ${IsSpam ? 'bad' : 'good'}`}>
                {IsSpam ? 'Taken for spam' : 'Not taken for spam'}, score {Score.toFixed(1)}.
              </p>
              <table class="fields">
                <tbody>
                  {(Rules ?? []).map(({ Name, Score: score, Description }) => (
                    <tr key={Name}>
                      <td class="number">{score.toFixed(1)}</td>
                      <th scope="row">{Name}</th>
                      <td>{Description}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </>
          )
        }
      </Show>
    </section>
  );
}

function Unsubscribe({ of }: { of: Message['ListUnsubscribe'] }) {
  return (
    <section class="check">
      <h2>Unsubscribing</h2>
      {of.Header === '' ? (
        <p class="dim">No List-Unsubscribe field.</p>
      ) : (
        <>
          <p class={`verdict ${of.Errors === '' ? 'good' : 'bad'}`}>
            {of.Errors === '' ? `${plural(of.Links.length, 'way')} to unsubscribe.` : of.Errors}
          </p>
          <ul class="links-found">
            {of.Links.map((link) => (
              <li key={link}>
                <span class="address">{link}</span>
              </li>
            ))}
          </ul>
          <p class="dim">
            {of.HeaderPost === '' ? 'No List-Unsubscribe-Post: not with one click (RFC 8058).' : of.HeaderPost}
          </p>
        </>
      )}
    </section>
  );
}
