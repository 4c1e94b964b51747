// The program under test of the examples beside this: a page on which one signs up, a mail with a link and a code, and a
// page behind the link. It sends mail to wherever it is told, as programs do by SMTP_URL.
import { randomInt } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createTransport } from 'nodemailer';

const PAGE = `<!doctype html><title>Sign up</title>
<form method="post"><label>Address <input name="address" type="email" required></label><button>Sign up</button></form>`;

export class App {
  readonly #server: Server;
  readonly #transport;
  readonly #codes = new Map<string, string>();

  /** `smtp://127.0.0.1:1025`, with user and password where they are wanted. */
  constructor(smtpUrl: string) {
    this.#transport = createTransport(smtpUrl);
    this.#server = createServer((request, response) => {
      const url = new URL(request.url ?? '/', this.url);
      const say = (text: string) => response.setHeader('Content-Type', 'text/html').end(text);
      if (url.pathname === '/confirm') {
        const known = this.#codes.get(url.searchParams.get('address') ?? '');
        say(known === url.searchParams.get('code') ? '<h1>Welcome!</h1>' : '<h1>Who are you?</h1>');
      } else if (request.method !== 'POST') say(PAGE);
      else {
        let body = '';
        request.on('data', (chunk) => {
          body += chunk;
        });
        request.on('end', () => {
          this.signUp(new URLSearchParams(body).get('address') ?? '').then(
            () => say('<h1>Look into your mail</h1>'),
            () => say('<h1>The mail could not be sent</h1>'),
          );
        });
      }
    });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo | null)?.port ?? 0}/`;
  }

  listen(): Promise<void> {
    return new Promise((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  async signUp(address: string): Promise<void> {
    const code = String(randomInt(100_000, 1_000_000));
    this.#codes.set(address, code);
    const link = `${this.url}confirm?${new URLSearchParams({ address, code })}`;
    await this.#transport.sendMail({
      from: 'The App <app@example.com>',
      to: address,
      subject: 'Confirm your address',
      text: `Your code is ${code}. Or go to ${link}`,
    });
  }

  close(): void {
    this.#transport.close();
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
