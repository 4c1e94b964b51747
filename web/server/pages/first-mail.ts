// The page of an empty store: how to send the first mail, in lines that can be copied and run as they stand.
import { type Address, parseAddress } from '../../../src/address.ts';
import { html, type Markup, type Part } from '../html.ts';

interface Recipe {
  readonly title: string;
  readonly code: string;
}

const FROM = 'me@example.com';
const TO = 'you@example.com';
const WILDCARDS: ReadonlySet<string> = new Set(['0.0.0.0', '::']);

/** `hostname` is the name by which the reader reached the web server: SMTP on every interface answers there too. */
export function firstMail(smtp: readonly string[], hostname: string): Markup {
  const address = reachable(smtp.map((text) => parseAddress(text)));
  const recipes = address ? recipesFor(address, hostname) : [];
  return html`<section class="first-mail">
<h1>No mail yet</h1>
<p>${address ? whereTo(address, hostname) : unreachable(smtp)}</p>
${recipes.map(({ title, code }) => recipe(title, code))}
</section>`;
}

/** A port before a path: more programs can use it. Nobody can be told how to reach a descriptor. */
function reachable(addresses: readonly Address[]): Address | undefined {
  return addresses.find(({ kind }) => kind === 'tcp') ?? addresses.find(({ kind }) => kind === 'unix');
}

function recipesFor(address: Address, hostname: string): Recipe[] {
  if (address.kind === 'fd') return [];
  // Neither curl nor smtplib speaks SMTP over a path.
  if (address.kind === 'unix') return [{ title: 'swaks', code: swaks(`--socket ${shellWord(address.path)}`) }];
  const host = hostFor(address.host, hostname);
  const { port } = address;
  const authority = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  return [
    { title: 'swaks', code: swaks(`--server ${host} --port ${port}`) },
    { title: 'curl', code: curl(authority) },
    { title: 'Python', code: python(host, port) },
  ];
}

function hostFor(bound: string, hostname: string): string {
  return WILDCARDS.has(bound) ? hostname.replace(/^\[|\]$/g, '') : bound;
}

function swaks(where: string): string {
  return `swaks ${where} \\\n  --from ${FROM} --to ${TO} --header 'Subject: Hello'`;
}

function curl(authority: string): string {
  // printf repeats its format for each word: SMTP's line ends, whatever the shell.
  return `printf '%s\\r\\n' 'From: ${FROM}' 'To: ${TO}' \\
    'Subject: Hello' '' 'It works.' |
  curl -sS -T - 'smtp://${authority}' \\
    --mail-from ${FROM} --mail-rcpt ${TO}`;
}

function python(host: string, port: number): string {
  return `import smtplib
from email.message import EmailMessage

mail = EmailMessage()
mail['From'], mail['To'] = '${FROM}', '${TO}'
mail['Subject'] = 'Hello'
mail.set_content('It works.')
with smtplib.SMTP('${host}', ${port}) as smtp:
    smtp.send_message(mail)`;
}

function whereTo(address: Address, hostname: string): Part {
  if (address.kind !== 'tcp') return 'The SMTP server listens on a socket of this machine. Send a first mail:';
  const host = html`<code>${hostFor(address.host, hostname)}</code>`;
  const port = html`<code>${address.port}</code>`;
  return html`Set SMTP host ${host} and port ${port} in your application, without TLS, or send a first mail from here:`;
}

function unreachable(smtp: readonly string[]): Part {
  return html`The SMTP server listens on <code>${smtp.join(', ')}</code>.`;
}

function recipe(title: string, code: string): Markup {
  // Focusable, because it may have to be scrolled; one click selects all of it.
  return html`<section class="card recipe">
<h2>${title}</h2>
<pre class="copy" tabindex="0" role="region" aria-label="A mail with ${title}">${code}</pre>
</section>`;
}

function shellWord(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
