// The catalogue of errors that cross a module border. A peer's mistake is a reply, not an exception;
// what is thrown or handed to handleError has a stable code from this table, so that callers never parse texts.

/** code -> what it means and who handles it. The docs are tested against this literal. */
export const ERROR_CODES = {
  BAD_TERMINATOR: 'setTerminator() was given something that can end no frame; thrown to the caller',
  FRAME_TOO_LONG: "a frame passed its limit under the policy 'error'; handleError, then the connection is destroyed",
  HANDLER_FAILED: 'collectIncomingData or foundTerminator threw or rejected; handleError',
  PRODUCER_FAILED: 'a producer threw or rejected; handleError, what it had yielded so far is sent',
  PUSH_AFTER_CLOSE: 'push() after closeWhenDone() in strict mode; thrown to the caller',
  TRANSPORT_FAILED: 'the socket reported an error (ECONNRESET, EPIPE ...); handleError',
  TIMED_OUT: 'a deadline passed: idle, frame, write or close; handleTimeout',
  TLS_FAILED: 'the TLS handshake failed or timed out; upgradeTls rejects',
  TLS_LEFTOVER: "plaintext stood behind the command that starts TLS and the policy is 'reject'; upgradeTls rejects",
  CLOSED: 'the connection ended before the operation was done; pending producers reject with it',
  BAD_ADDRESS: 'an address is not [host:]port, unix:/path or fd:N; told to the user',
  BAD_PROXY_HEADER: 'a PROXY protocol header is malformed, too long or late; the connection is destroyed',
  LISTEN_FAILED: 'an address cannot be listened on (in use, no permission); told to the user',
  BAD_OPTION: 'an option, variable or config value is unknown or has a bad value; told to the user, exit code 2',
  BAD_SEARCH: 'a search of the inbox has a mistake; told to the user, HTTP status 400',
  BAD_TAG: 'a tag is empty, too long or has characters that no tag has; told to the user, HTTP status 400',
  BAD_NAMESPACE: 'a namespace has a name or members that none can have; told to the user, HTTP status 400',
  NAMESPACE_EXISTS: 'a namespace has the name already; told to the user, HTTP status 409',
  MAIL_TOO_LARGE:
    'a mail is too large to be read whole, and can be had as source only; told to the user, HTTP status 413',
  RELEASE_REFUSED: 'a mail cannot be released: no upstream, or a recipient that is not allowed; HTTP status 400',
  STORE_FAILED: 'the database cannot be opened, written or synced; startup ends with 1, sessions answer 451',
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/** An error with a stable code and the facts that belong to it (limit, offset, address ...). */
export class ChatError extends Error {
  readonly code: ErrorCode;
  readonly facts: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message?: string, facts: Record<string, unknown> = {}, cause?: unknown) {
    super(message ?? ERROR_CODES[code], cause === undefined ? undefined : { cause });
    this.name = 'ChatError';
    this.code = code;
    this.facts = facts;
  }
}
