// How the mail came: its envelope, and the dialogue of its session with the times.
import type { TranscriptLine } from '../../../relay/inbox/transcript.ts';
import * as api from '../api.ts';
import { duration, whenFull } from '../format.ts';
import type { Envelope } from '../own-types.ts';
import { CopyButton } from '../parts/button.tsx';
import { Show, useLoaded } from '../parts/loaded.tsx';

/** A pause that is worth a look. */
const LONG_MS = 200;

const WHO: Readonly<Record<TranscriptLine['from'], string>> = { client: 'C', server: 'S', note: '' };
const SPOKEN: Readonly<Record<TranscriptLine['from'], string>> = { client: 'Client', server: 'Server', note: 'Note' };

export function SmtpTab({ id }: { id: string }) {
  const [envelope, askEnvelope] = useLoaded(id, (signal) => api.envelope(id, signal));
  const [lines, askLines] = useLoaded(id, (signal) => api.transcript(id, signal));
  return (
    <div class="pane scrolls" tabIndex={0} role="region" aria-label="How the mail came">
      <Show of={envelope} what="envelope" again={askEnvelope}>
        {(found) => <EnvelopeView envelope={found} />}
      </Show>
      <Show of={lines} what="dialogue" again={askLines}>
        {(all) => <DialogueView lines={all} />}
      </Show>
    </div>
  );
}

function EnvelopeView({ envelope }: { envelope: Envelope }) {
  const { sender, recipients, helo, clientAddress, protocol, tls, authUser, receivedAt, id } = envelope;
  const facts: readonly (readonly [string, string])[] = [
    ['MAIL FROM', sender === '' ? '<> (the null sender)' : sender],
    ...recipients.map(
      ({ address, state }) => ['RCPT TO', `${address}${state === 'captured' ? '' : `  (${state})`}`] as const,
    ),
    ['Client', [helo, clientAddress && `[${clientAddress}]`].filter(Boolean).join(' ')],
    ['Protocol', [protocol, tls].filter(Boolean).join(', ')],
    ...(authUser ? [['Login', authUser] as const] : []),
    ['Received', whenFull(receivedAt)],
    ['Id', id],
  ];
  return (
    <table class="fields envelope">
      <caption class="off-screen">Envelope</caption>
      <tbody>
        {facts.map(([name, value], index) => (
          <tr key={index}>
            <th scope="row">{name}</th>
            <td>{value}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function DialogueView({ lines }: { lines: readonly TranscriptLine[] }) {
  if (lines.length === 0) return <p class="nothing-here">No dialogue was kept of this mail.</p>;
  const text = lines.map(({ from, text: line }) => `${WHO[from] || '#'}: ${line}`).join('\n');
  return (
    <>
      <div class="pane-bar">
        <h2>Dialogue</h2>
        <span class="dim">{duration(lines.at(-1)!.ms)}</span>
        <span class="space" />
        <CopyButton text={text} label="Copy the dialogue" />
      </div>
      <table class="dialogue">
        <thead class="off-screen">
          <tr>
            <th scope="col">At</th>
            <th scope="col">Behind</th>
            <th scope="col">Who</th>
            <th scope="col">Line</th>
          </tr>
        </thead>
        <tbody>
          {lines.map(({ from, ms, text: line }, index) => {
            const pause = ms - (lines[index - 1]?.ms ?? 0);
            return (
              <tr key={index} class={from}>
                <td class="at">{duration(ms)}</td>
                <td class={pause >= LONG_MS ? 'pause long' : 'pause'}>{pause >= 1 ? `+${duration(pause)}` : ''}</td>
                <td class="who" title={SPOKEN[from]}>
                  {WHO[from]}
                </td>
                <td class="line">{line}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </>
  );
}
