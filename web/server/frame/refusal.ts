// What a handler throws when it will not do what it was asked: a status and one line, told to the client as it is. In
// the depth of reading a body this is shorter than handing problems up; anything else that is thrown is a bug of ours.
import type { ContentfulStatusCode } from 'hono/utils/http-status';

export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: ContentfulStatusCode;

  constructor(status: ContentfulStatusCode, line: string) {
    super(line);
    this.status = status;
  }
}

/** By its name: handlers are loaded when they are asked for, and a loader may give them a class of their own. */
export function isRefusal(error: unknown): error is Refusal {
  return error instanceof Error && error.name === 'Refusal';
}

/** What the inbox and its tools say of what they were asked, by its code; the status that tells it. */
const CLIENT_ERRORS: Readonly<Record<string, 400 | 409>> = {
  BAD_SEARCH: 400,
  BAD_TAG: 400,
  BAD_NAMESPACE: 400,
  NAMESPACE_EXISTS: 409,
  RELEASE_REFUSED: 400,
};

/** As a refusal, what is wrong with the request and not with us; `codes` are those that may be so here, besides the usual. */
export function refusalFrom(error: unknown, codes: readonly string[] = []): Refusal | undefined {
  if (isRefusal(error)) return error;
  if (!(error instanceof Error) || error.name !== 'ChatError') return undefined;
  const { code = '' } = error as { code?: string };
  const status = Object.hasOwn(CLIENT_ERRORS, code) ? CLIENT_ERRORS[code] : codes.includes(code) ? 400 : undefined;
  return status === undefined ? undefined : new Refusal(status, error.message);
}
