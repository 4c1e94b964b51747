// What a SpamAssassin daemon says of a mail: the REPORT command of the spamc protocol, over TCP or a unix socket.
import { connect } from 'node:net';
import type { Address } from '../../../src/address.ts';

export interface SpamRule {
  readonly score: number;
  readonly name: string;
  readonly description: string;
}

export interface SpamCheck {
  readonly isSpam: boolean;
  /** Why there is no answer; ''. */
  readonly error: string;
  readonly score: number;
  readonly rules: readonly SpamRule[];
}

export interface SpamCheckOptions {
  /** Where spamd listens; usually port 783. */
  readonly address: Address;
  /** Milliseconds for everything; its network tests take long. Default 60 s. */
  readonly timeoutMs?: number;
}

const MAX_ANSWER = 1024 * 1024;

/** Never rejects. */
export async function checkSpam(
  bytes: Uint8Array,
  { address, timeoutMs = 60_000 }: SpamCheckOptions,
): Promise<SpamCheck> {
  try {
    return readReport(await ask(bytes, address, timeoutMs));
  } catch (error) {
    return { isSpam: false, error: (error as Error).message, score: 0, rules: [] };
  }
}

/** As Mailpit's API gives it. */
export function spamCheckJson({ isSpam, error, score, rules }: SpamCheck) {
  return {
    IsSpam: isSpam,
    Error: error,
    Score: score,
    Rules:
      error === ''
        ? rules.map((rule) => ({ Score: rule.score, Name: rule.name, Description: rule.description }))
        : null,
  };
}

function ask(bytes: Uint8Array, address: Address, timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    if (address.kind === 'fd') throw new Error('SpamAssassin cannot be reached by a descriptor');
    const socket = connect(
      address.kind === 'unix' ? { path: address.path } : { host: address.host, port: address.port },
    );
    const chunks: Buffer[] = [];
    let size = 0;
    const fail = (why: string) => {
      clearTimeout(timer);
      socket.destroy();
      reject(new Error(why));
    };
    const timer = setTimeout(() => fail(`SpamAssassin did not answer within ${timeoutMs} ms`), timeoutMs);
    socket
      .on('error', (error) => fail(`SpamAssassin cannot be asked: ${error.message}`))
      .on('data', (chunk) => {
        chunks.push(chunk);
        size += chunk.length;
        if (size > MAX_ANSWER) fail(`SpamAssassin answers more than ${MAX_ANSWER} bytes`);
      })
      .on('end', () => {
        clearTimeout(timer);
        resolve(Buffer.concat(chunks).toString('utf8'));
      })
      .on('close', () => fail('SpamAssassin closed the connection without an answer'));
    socket.write(`REPORT SPAMC/1.5\r\nContent-length: ${bytes.length}\r\n\r\n`);
    socket.end(bytes);
  });
}

/** Throws for what is no answer, or tells an error (`SPAMD/1.1 76 Bad header line`). */
export function readReport(answer: string): SpamCheck {
  const end = /\r?\n\r?\n/.exec(answer);
  const header = answer.slice(0, end?.index ?? answer.length);
  const [, code, text = ''] = /^SPAMD\/[\d.]+ (\d+) ?(.*)/.exec(header) ?? [];
  if (code === undefined) throw new Error('what answers is no SpamAssassin');
  if (code !== '0') throw new Error(`SpamAssassin answers ${code} ${text.trim()}`);
  const [, isSpam, score] = /^Spam:\s*(\w+)\s*;\s*(-?[\d.]+)/im.exec(header) ?? [];
  if (isSpam === undefined) throw new Error('SpamAssassin gives no score');
  const report = end === null ? '' : answer.slice(end.index + end[0].length);
  return { isSpam: /^(?:true|yes)$/i.test(isSpam), error: '', score: Number(score), rules: rulesOf(report) };
}

/** The table of the report; long descriptions go on in the next line. */
function rulesOf(report: string): SpamRule[] {
  const rules: { score: number; name: string; description: string }[] = [];
  let inTable = false;
  for (const line of report.split(/\r?\n/)) {
    if (/^\s*-{2,} -{2,} -{2,}/.test(line)) inTable = true;
    else if (inTable) {
      const [, score, name, description = ''] =
        /^\s{0,3}(-?\d+(?:\.\d+)?)\s+([A-Z][A-Z0-9_]+)\s*(.*)$/.exec(line) ?? [];
      const last = rules.at(-1);
      if (score !== undefined && name !== undefined)
        rules.push({ score: Number(score), name, description: description.trim() });
      else if (last && /^\s{4,}\S/.test(line)) last.description += ` ${line.trim()}`;
      else if (line.trim() === '' && rules.length > 0) break;
    }
  }
  return rules;
}
