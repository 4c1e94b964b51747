// Help on searching, made of the table that the suggestions are made of.
import { closeOverlay, Dialog } from '../parts/dialog.tsx';
import { go } from '../route.ts';
import { FILTERS, SYNTAX } from './suggestions.ts';
import { focusSearch } from './view.ts';

export function SearchHelp() {
  const tryIt = (query: string): void => {
    closeOverlay();
    go({ view: 'inbox', id: '', query });
    focusSearch();
  };
  return (
    <Dialog title="Searching" kind="wide">
      <table class="help">
        <caption>Words</caption>
        <tbody>
          {SYNTAX.map(([example, title]) => (
            <tr key={example}>
              <th scope="row">
                <code>{example}</code>
              </th>
              <td>{title}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <table class="help">
        <caption>Filters</caption>
        <tbody>
          {FILTERS.map(({ insert, title, example }) => (
            <tr key={insert}>
              <th scope="row">
                <code>{insert}</code>
              </th>
              <td>{title}</td>
              <td>
                {(example ?? (insert.endsWith(':') ? undefined : insert)) !== undefined && (
                  <button type="button" class="link" onClick={() => tryIt(example ?? insert)}>
                    <code>{example ?? insert}</code>
                  </button>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Dialog>
  );
}
