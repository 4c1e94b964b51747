// The inside of nodemailer's SMTPConnection, as far as upstream-connection.ts calls it or puts something in its place.
// Its own types hide these; they are those of version 10.6, and test/relay/upstream-connection.test.ts holds it to them.
import type { Socket } from 'node:net';
import type { SendError } from './outcome.ts';

export type Done = (error: SendError | null, result?: { response?: string }) => void;

export interface Inside {
  _socket: Socket | false | null;
  _destroyed: boolean;
  /** Who takes the next reply. */
  _responseActions: ((reply: string) => void)[];
  _envelope: unknown;
  /** Whose RCPT the next reply answers; we give it the places of recipients, not their addresses. */
  _recipientQueue: string[];
  /** What EHLO offered, without codes; not there behind a HELO. */
  _ehloLines?: string[];
  _sendCommand(command: string, logged?: string): void;
  _onConnect(): void;
  _onError(error: Error, code: string, response: string | false, command: string): void;
  _setEnvelope(envelope: unknown, callback: Done): void;
  _sendRcpt(recipient: string, callback: Done): void;
  _createSendStream(callback: (error: SendError | null, reply?: string) => void): unknown;
  _actionMAIL(reply: string, callback: Done): void;
  _actionRCPT(reply: string, callback: Done): void;
  _actionDATA(reply: string, callback: Done): void;
  _actionSMTPStream(reply: string, callback: (error: SendError | null, reply?: string) => void): void;
}
