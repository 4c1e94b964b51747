// Where a person reads a mail: in the page's own view when it was built, else on the page that the server renders.
import type { Web } from '../context.ts';

export function readerPath({ ui, options }: Web, id: string): string {
  return ui ? `${options.webroot}#/mail/${id}` : `${options.webroot}message/${id}`;
}
