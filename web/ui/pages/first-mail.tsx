// How to send mail here: what an empty inbox shows.
import { useSignal } from '@preact/signals';
import { CopyButton } from '../parts/button.tsx';
import { server } from '../server-info.ts';
import { reachable, recipesFor } from './recipes.ts';

export function FirstMail({ isEmpty = false }: { isEmpty?: boolean }) {
  const chosen = useSignal(0);
  const smtp = server.value?.smtp ?? [];
  const place = reachable(smtp, location.hostname);
  const recipes = place ? recipesFor(place.host, place.port) : [];
  const recipe = recipes[chosen.value];
  return (
    <section class="page first-mail" aria-label="How to send mail here">
      <h1>{isEmpty ? 'Send the first mail' : 'How to send mail here'}</h1>
      {place ? (
        <>
          <p>Whatever your program sends to this server is kept here and goes nowhere else. No login, no TLS needed.</p>
          <dl class="places">
            <div>
              <dt>SMTP host</dt>
              <dd>
                <code>{place.host}</code>
                <CopyButton text={place.host} label="Copy the host" />
              </dd>
            </div>
            <div>
              <dt>Port</dt>
              <dd>
                <code>{place.port}</code>
                <CopyButton text={String(place.port)} label="Copy the port" />
              </dd>
            </div>
          </dl>
          <div class="recipes">
            <div class="chips" role="group" aria-label="With what">
              {recipes.map(({ title }, index) => (
                <button
                  key={title}
                  type="button"
                  class="chip"
                  aria-pressed={index === chosen.value}
                  onClick={() => {
                    chosen.value = index;
                  }}
                >
                  {title}
                </button>
              ))}
            </div>
            {recipe && (
              <div class="recipe">
                <div class="pane-bar">
                  <code class="dim">{recipe.needs}</code>
                  <span class="space" />
                  <CopyButton text={recipe.code} label={`Copy the lines for ${recipe.title}`} />
                </div>
                <pre class="scrolls" tabIndex={0} role="region" aria-label={`A mail with ${recipe.title}`}>
                  {recipe.code}
                </pre>
              </div>
            )}
          </div>
        </>
      ) : (
        <p>
          {server.value === null ? 'Where the SMTP server listens is not known yet.' : 'The SMTP server listens on '}
          {smtp.length > 0 && <code>{smtp.join(', ')}</code>}
        </p>
      )}
    </section>
  );
}
