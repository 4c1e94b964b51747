// Is this the user's password? The hash is slow on purpose, so right answers are remembered, as an HMAC under a key of
// this process: a client that logs in for every mail pays once. Wrong answers and unknown users cost a hash each time,
// the same for both.
import { createHmac, randomBytes } from 'node:crypto';
import { type Credentials, matches } from './credentials.ts';
import { Gate } from './gate.ts';
import type { PasswordCheck } from './plain.ts';
import { saslprep } from './saslprep.ts';

/** What the check asks for; relay/users.ts has it. */
export interface UserLookup {
  find(name: string): Credentials | null;
  /** For names that are not there: takes the same work. */
  readonly decoy: Credentials;
}

/** Node's thread pool has four threads, and others need it too. */
const HASHES_AT_A_TIME = 2;
const MAX_WAITING = 200;
const MAX_REMEMBERED = 1000;

export function passwordCheck(users: UserLookup): PasswordCheck {
  const gate = new Gate(HASHES_AT_A_TIME, MAX_WAITING);
  const key = randomBytes(32);
  /** Proof -> the credentials it was made with: when these change, it is worth nothing. */
  const remembered = new Map<string, Credentials>();

  return async (givenName, givenPassword) => {
    const name = saslprep(givenName);
    const password = saslprep(givenPassword);
    if (name === null || password === null) return null;
    const known = users.find(name);
    const proof = createHmac('sha256', key).update(`${name}\0${password}`).digest('base64');
    if (known !== null && remembered.get(proof) === known) {
      remembered.delete(proof);
      remembered.set(proof, known);
      return name;
    }
    const isRight = await gate.run(() => matches(password, known ?? users.decoy));
    if (isRight === null) return 'busy';
    if (!isRight || known === null) return null;
    remembered.set(proof, known);
    if (remembered.size > MAX_REMEMBERED) remembered.delete(remembered.keys().next().value!);
    return name;
  };
}
