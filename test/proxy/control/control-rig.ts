// A control server on a free port, and requests to it as they go over the wire.
import { request } from 'node:http';
import { type CONTROL_OPTIONS, resolveControl } from '../../../proxy/control/options.ts';
import { type ControlService, startControl } from '../../../proxy/control/service.ts';
import { parseAddress } from '../../../src/address.ts';
import { Rig } from '../rig.ts';
import { QUIET } from '../toxics/toxic-rig.ts';

export interface Answer {
  readonly status: number;
  readonly type: string | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

type Flags = Partial<Record<keyof typeof CONTROL_OPTIONS, string>>;

export class ControlRig extends Rig {
  api = '';
  service!: ControlService;

  async start(flags: Flags = {}): Promise<this> {
    const given = new Map(Object.entries({ listen: '0', ...flags }).map(([name, text]) => [name, [text]]));
    this.service = await startControl(resolveControl({ flags: given }), QUIET);
    this.api = this.service.listen;
    this.onCleanUp(() => this.service.stop(0));
    return this;
  }

  /** `call('POST /proxies', '{}')`. */
  call(line: string, body?: string | Buffer, headers: Record<string, string> = {}): Promise<Answer> {
    const [method, path] = line.split(' ') as [string, string];
    const { host, port } = parseAddress(this.api) as { host: string; port: number };
    return new Promise((resolve, reject) => {
      const out = request({ host, port, method, path, headers, agent: false }, (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (part: string) => (text += part));
        answer.on('end', () => {
          const { statusCode: status = 0, headers: got } = answer;
          resolve({ status, type: got['content-type'], headers: got, body: text });
        });
      });
      out.on('error', reject).end(body);
    });
  }

  /** Status and body. */
  async ask(line: string, body?: unknown): Promise<[number, string]> {
    const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
    const { status, body: got } = await this.call(line, text);
    return [status, got];
  }

  /** The parsed body of what has to succeed. */
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects of it
  async json(line: string, body?: unknown): Promise<any> {
    const [status, text] = await this.ask(line, body);
    if (status >= 300) throw new Error(`${line}: ${status} ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  }
}

/** The body of a refusal. */
export function refused(error: string, status: number): [number, string] {
  return [status, `${JSON.stringify({ error, status })}\n`];
}
