// A second, slow opinion on a session: reads the client's bytes and the server's replies side by side and says which
// messages must have been taken in. It decides no reply; it only knows which ones make no sense where they stand.

export interface ModelOptions {
  readonly isLmtp: boolean;
  readonly lineEndings: 'strict' | 'normalise' | 'preserve';
  /** Bytes of a command line; a longer one is no BDAT. */
  readonly maxLine: number;
  /** Bytes of a line above which it is answered before its end comes, and the same inside AUTH. */
  readonly maxHeld: number;
  readonly maxAuthLine: number;
}

export interface ModelMessage {
  readonly recipients: number;
  readonly content: string;
}

/** Behind these a server may end the connection. */
const LAST_WORDS = new Set([221, 421, 500, 501, 503, 550, 552, 554]);
const BDAT = /^bdat[ \t]+(\d{1,20})(?:[ \t]+(last))?[ \t]*$/i;

/** Throws with a sentence when a reply has no place. `replies` without the greeting, their codes only. */
export function follow(input: string, replies: readonly number[], options: ModelOptions): ModelMessage[] {
  const messages: ModelMessage[] = [];
  let at = 0;
  let answered = 0;
  let greeted = false;
  let sender = false;
  let recipients = 0;
  let binary = false;
  /** What came in chunks so far; null when nothing did, or what did was refused. */
  let chunks: string | null = null;
  let inChunks = false;
  let inAuth = false;

  const reset = (): void => {
    sender = inChunks = binary = false;
    recipients = 0;
    chunks = null;
  };
  const claim = (holds: boolean, what: string): void => {
    if (!holds) throw new Error(`${what}, at byte ${at}, reply ${answered} of ${replies.join(' ')}`);
  };
  const next = (): number | undefined => replies[answered++];
  /** The replies to a whole message: all alike. */
  const verdict = (): number | undefined => {
    const code = next();
    if (options.isLmtp && code !== 421) {
      for (let i = 1; i < recipients; i++) {
        const other = next();
        claim(other === code, `recipients of one message heard ${code} and ${other}`);
      }
    }
    return code;
  };
  const isOver = (): boolean => answered >= replies.length;
  const over = (): ModelMessage[] => {
    claim(answered >= replies.length, 'there are replies to nothing');
    return messages;
  };
  const cut = (): ModelMessage[] => {
    const last = replies.at(-1);
    claim(last === undefined || LAST_WORDS.has(last), `the server fell silent behind ${last}`);
    return messages;
  };

  while (at < input.length) {
    // What needs no end of a line: the first byte of a TLS client.
    if (input.charCodeAt(at) === 0x16) {
      if (isOver()) return cut();
      claim([500, 421].includes(next()!), 'TLS was answered');
      return over();
    }
    const end = input.indexOf('\n', at);
    if (end === -1) {
      if (!isOver() && input.length - at > (inAuth ? options.maxAuthLine : options.maxHeld)) next();
      return over();
    }
    const isBare = end === at || input[end - 1] !== '\r';
    const line = input.slice(at, isBare ? end : end - 1);
    at = end + 1;
    const isChunk = !inAuth && line.length <= options.maxLine;
    const [, octets, last] = (isChunk && BDAT.exec(line)) || [];
    // A chunk that is not whole has an answer only if it is refused.
    if (isOver()) return Number(octets) > input.length - at ? messages : cut();
    if (isBare && options.lineEndings === 'strict') {
      const code = next()!;
      claim([550, 421, 500].includes(code), `a line that ends in LF was answered ${code}`);
      inAuth = false;
      continue;
    }
    if (inAuth) {
      inAuth = next() === 334;
      continue;
    }
    if (octets !== undefined) {
      const size = Number(octets);
      const payload = input.slice(at, at + size);
      const isWhole = payload.length === size;
      const isLast = last !== undefined;
      const isKept = !inChunks || chunks !== null;
      const code = isLast && recipients > 0 ? verdict() : next();
      if (code === 250) {
        claim(isWhole, 'a chunk was taken that was not whole');
        claim(greeted && sender && recipients > 0 && isKept, 'a chunk was taken without an envelope');
        chunks = (chunks ?? '') + payload;
        inChunks = true;
        if (isLast) messages.push({ recipients, content: stored(chunks, 'chunks') });
        if (isLast) reset();
      } else {
        if (isOver() && !isWhole) return over();
        // Out of order, it is as if it had not been said.
        if (code === 503) claim((recipients === 0 && !inChunks) || isOver(), 'a chunk was out of order');
        else {
          chunks = null;
          inChunks = true;
          if (isLast) reset();
        }
      }
      at += size;
      continue;
    }
    const verb = line.trimEnd().split(/[ \t]/, 1)[0]!.toUpperCase();
    const code = next()!;
    if (['EHLO', 'HELO', 'LHLO'].includes(verb) && code === 250) {
      claim((verb === 'LHLO') === options.isLmtp, `${verb} was taken`);
      reset();
      greeted = true;
    } else if (verb === 'MAIL' && code === 250) {
      claim(greeted && !sender, 'MAIL was taken');
      sender = true;
      binary = /BINARYMIME/i.test(line);
    } else if (verb === 'RCPT' && code === 250) {
      claim(sender && !inChunks, 'RCPT was taken');
      recipients++;
    } else if (verb === 'RSET' && code === 250) reset();
    else if (verb === 'AUTH') inAuth = code === 334;
    else if (code === 354) {
      claim(verb === 'DATA' && sender && recipients > 0 && !inChunks && !binary, 'content was asked for');
      // The CRLF of the command line stands before the content.
      const text = `\r\n${input.slice(at)}`;
      const mark = text.indexOf('\r\n.\r\n');
      if (mark === -1) {
        if (!isOver()) claim(next() === 421, 'content without an end was answered');
        return over();
      }
      at += mark + 3;
      const content = text.slice(2, mark + 2);
      const verdictCode = verdict();
      if (verdictCode === 250) messages.push({ recipients, content: stored(content, 'data') });
      if (verdictCode === undefined) return messages;
      reset();
    }
  }
  return over();

  function stored(content: string, how: 'data' | 'chunks'): string {
    const lines = options.lineEndings === 'normalise' && !binary ? content.replace(/\r\n|\r|\n/g, '\r\n') : content;
    const text = how === 'data' ? lines.replace(/(^|\r\n)\./g, '$1') : lines;
    return /^[ \t]/.test(text) ? `\r\n${text}` : text;
  }
}
