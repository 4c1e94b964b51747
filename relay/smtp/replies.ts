// SMTP replies as data: code, enhanced code (RFC 3463), text. A command's function returns one and never writes;
// the session formats and sends it in one place.

export interface Reply {
  readonly code: number;
  /** Without it the line carries no enhanced code (220, 354, EHLO). */
  readonly status?: string;
  readonly text: string | readonly string[];
}

export function reply(code: number, status: string, text: string): Reply {
  return { code, status, text };
}

/** RFC 5321 4.1.1.11. */
export function unknownParameter(keyword: string): Reply {
  return reply(555, '5.5.4', `Parameter not recognised: ${keyword}`);
}

/**
 * The bytes of a reply: `250-first`, `250 last`, each with its enhanced code (RFC 2034), CRLF behind each. Not to be
 * changed: those of REPLIES are made once.
 */
export function formatReply(r: Reply): Buffer {
  return prepared.get(r) ?? bytesOf(r);
}

function bytesOf(r: Reply): Buffer {
  const lines = typeof r.text === 'string' ? [r.text] : r.text;
  const status = r.status === undefined ? '' : `${r.status} `;
  let all = '';
  for (let i = 0; i < lines.length; i++) {
    all += `${r.code}${i === lines.length - 1 ? ' ' : '-'}${status}${printable(lines[i]!)}\r\n`;
  }
  return Buffer.from(all, 'latin1');
}

/** What a peer said may stand in a reply; its control and 8-bit characters may not. */
function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not get through
  return text.replace(/[\x00-\x1f\x7f-\uffff]/g, '?');
}

export const REPLIES = {
  ok: reply(250, '2.0.0', 'Ok'),
  bye: reply(221, '2.0.0', 'Bye'),
  senderOk: reply(250, '2.1.0', 'Ok'),
  recipientOk: reply(250, '2.1.5', 'Ok'),
  startMail: { code: 354, text: 'End data with <CR><LF>.<CR><LF>' },
  vrfy: reply(252, '2.5.0', 'Cannot VRFY user, but will accept the message and attempt delivery'),
  help: reply(214, '2.0.0', 'Commands: EHLO HELO MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT; see RFC 5321'),
  lineTooLong: reply(500, '5.5.2', 'Line too long'),
  authLineTooLong: reply(500, '5.5.6', 'Authentication exchange line is too long'),
  chunkOk: reply(250, '2.0.0', 'Ok, chunk taken'),
  notTrusted: reply(550, '5.7.0', 'You are not among those who may say that'),
  unknown: reply(500, '5.5.2', 'Command not recognised'),
  notImplemented: reply(502, '5.5.1', 'Command not implemented'),
  controlCharacters: reply(500, '5.5.2', 'A command may not hold control characters'),
  badUtf8: reply(500, '5.5.2', 'The command is not valid UTF-8'),
  bareLineFeed: reply(550, '5.5.2', 'A line must end with CR LF, not with LF alone'),
  noArguments: reply(501, '5.5.4', 'This command takes no arguments'),
  needsUtf8: reply(553, '5.6.7', 'An address that is not ASCII needs the parameter SMTPUTF8 at MAIL'),
  parametersNeedEhlo: reply(555, '5.5.4', 'Parameters need EHLO'),
  tooManyRecipients: reply(452, '4.5.3', 'Too many recipients'),
  tooBig: reply(552, '5.3.4', 'The message is larger than this server accepts'),
  headerTooBig: reply(552, '5.3.4', 'The header of the message is larger than this server accepts'),
  bareEndings: reply(550, '5.5.2', 'The message holds a CR or LF that is not part of a CR LF'),
  hiddenEnd: reply(550, '5.5.2', 'The message holds a dot among NULs that other servers would read as its end'),
  storeFailed: reply(451, '4.3.0', 'The message could not be stored; please try again later'),
  noSpace: reply(452, '4.3.1', 'Not enough room for mail here; please try again later'),
  notNow: reply(451, '4.3.0', 'Something went wrong here; please try again later'),
  tooManyErrors: reply(421, '4.7.0', 'Too many errors'),
  notSmtp: reply(421, '4.7.0', 'This is an SMTP server'),
  outOfStep: reply(554, '5.5.0', 'You did not wait for a reply that you had to wait for'),
  tooEarly: reply(554, '5.5.0', 'You spoke before the greeting'),
  tls: reply(500, '5.5.2', 'TLS cannot start here: this port begins with SMTP'),
  idle: reply(421, '4.4.2', 'Timed out waiting for you'),
  tooSlow: reply(421, '4.4.2', 'The message comes in too slowly'),
  tooLong: reply(421, '4.4.2', 'This session has lasted long enough; please open another'),
  endless: reply(421, '4.3.4', 'The message is far larger than this server accepts'),
  stopping: reply(421, '4.3.2', 'The server is stopping; please try again'),
  tooManyConnections: reply(421, '4.7.0', 'Too many connections; please try again later'),
  tooManyHops: reply(554, '5.4.6', 'Too many hops: the message seems to go round in circles'),
} as const satisfies Readonly<Record<string, Reply>>;

const prepared: ReadonlyMap<Reply, Buffer> = new Map(Object.values(REPLIES).map((one) => [one, bytesOf(one)]));
