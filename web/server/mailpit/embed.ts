// The HTML of a mail for a frame in somebody's own page, as Mailpit makes it with ?embed=1: links that open elsewhere,
// and a script that tells the page around it how high the mail is. That script is the only one that runs.
import { Parser } from 'htmlparser2';
import { escapeHtml } from '../html.ts';

export function embedded(html: string, nonce: string): string {
  const script =
    `<script nonce="${nonce}">addEventListener('load', () => ` +
    `parent.postMessage({ messageHeight: document.body.scrollHeight }, '*'));</script>`;
  const body = withTargets(withoutRefresh(html));
  const end = body.toLowerCase().lastIndexOf('</body>');
  return end === -1 ? body + script : body.slice(0, end) + script + body.slice(end);
}

/**
 * A frame that may run a script may also be sent elsewhere by `<meta http-equiv=refresh>`. The name of an attribute
 * cannot be written in another way, so it is found without asking where in the document it stands.
 */
function withoutRefresh(html: string): string {
  return html.replaceAll(/http-equiv(?=\s*=)/gi, 'data-http-equiv');
}

function withTargets(html: string): string {
  const pieces: string[] = [];
  let end = 0;
  const parser = new Parser({
    onopentag(name, attributes) {
      if (name !== 'a' && name !== 'area') return;
      const { target: _target, rel: _rel, ...others } = attributes;
      const all = { ...others, target: '_blank', rel: 'noreferrer noopener' };
      const text = Object.entries(all).map(([key, value]) => ` ${key}="${escapeHtml(value)}"`);
      pieces.push(html.slice(end, parser.startIndex), `<${name}${text.join('')}>`);
      end = parser.endIndex + 1;
    },
  });
  parser.end(html);
  return pieces.join('') + html.slice(end);
}
