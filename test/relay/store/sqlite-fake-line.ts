// Stands for the database thread: keeps what it was sent, answers when told to.

import { EventEmitter } from 'node:events';
import type { Line } from '../../../relay/store/sqlite-link.ts';
import type { Answers, Call, CallName } from '../../../relay/store/sqlite-protocol.ts';

export class FakeLine extends EventEmitter implements Line {
  readonly sent: Call[][] = [];
  #answered = 0;

  postMessage(calls: Call[]): void {
    // As a real one would, refuse what cannot be cloned.
    structuredClone(calls);
    this.sent.push(calls);
    this.emit('sent');
  }

  names(): CallName[] {
    return this.sent.flat().map((call) => call[1]);
  }

  answer(answers: Partial<Answers>): void {
    this.emit('message', { done: [], values: [], failed: [], commits: [], ...answers });
  }

  /** Answers all that was not answered yet; pieces get their bytes back. */
  answerAll(): void {
    const calls = this.sent.flat().slice(this.#answered);
    this.#answered += calls.length;
    const values = calls.map((call) => (call[1] === 'piece' ? call[2].bytes : null));
    this.answer({ done: calls.map((call) => call[0]), values });
  }
}
