// What the control server answers when it refuses: a status, and Toxiproxy's text, on which its clients depend.

export class ApiError extends Error {
  readonly status: number;

  constructor(message: string, status: number) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
  }
}

/** The refusals by name. Those with a cause get it behind a colon: `missing required field: name`. */
const REFUSALS = {
  badBody: ['bad request body', 400],
  missingField: ['missing required field', 400],
  proxyNotFound: ['proxy not found', 404],
  proxyExists: ['proxy already exists', 409],
  badStream: ['stream was invalid, can be either upstream or downstream', 400],
  badType: ['invalid toxic type', 400],
  toxicExists: ['toxic already exists', 409],
  toxicNotFound: ['toxic not found', 404],
  bodyTooLarge: ['request body too large', 413],
} as const satisfies Record<string, readonly [string, number]>;

export function refusal(name: keyof typeof REFUSALS, cause?: string): ApiError {
  const [message, status] = REFUSALS[name];
  return new ApiError(cause === undefined ? message : `${message}: ${cause}`, status);
}
