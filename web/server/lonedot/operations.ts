// What each route of our own API is for, what it takes and gives: the rows of the OpenAPI document. A test holds them
// against the table of routes.
import type { z } from 'zod';
import * as s from './schemas.ts';

export interface Operation {
  readonly summary: string;
  /** Names of query parameters; those of QUERY_TEXTS. */
  readonly query?: readonly (keyof typeof QUERY_TEXTS)[];
  readonly body?: z.ZodType;
  /** JSON, or the media type of something else; absent for 204. */
  readonly gives?: z.ZodType | string;
  readonly status?: 200 | 201 | 204;
  /** Answers besides the usual problems. */
  readonly others?: Readonly<Record<number, z.ZodType>>;
}

export const QUERY_TEXTS = {
  query: 'A search, as docs/api.md has it',
  tz: 'Time zone of the dates in it, such as Europe/Berlin',
  limit: 'How many, 1 to 500; default 50',
  before: 'A seq: only what is older; `older` of the page before',
  after: 'A seq: only what is newer; `cursor` of an earlier answer',
  count: 'How many mails to wait for; default 1',
  timeout: 'How long to wait: 500ms, 30s, 2m; default 30s, at most 300s',
  capture: '`name=regular expression`; may be given again. The first group, or the whole match',
  remote: '1 loads remote pictures and styles',
  format: 'mbox, or eml for a tar of .eml files',
  namespace: 'Only mail of this namespace; the same as the path /api/lonedot/v1/ns/NAME/...',
} as const;

const SEARCH = ['query', 'tz', 'namespace'] as const;
const PAGE = [...SEARCH, 'limit', 'before', 'after'] as const;

/** By method and path behind /api/lonedot/v1. */
export const OPERATIONS: Readonly<Record<string, Operation>> = {
  'GET /messages': { summary: 'A page of mails, newest first', query: PAGE, gives: s.page },
  'PATCH /messages': {
    summary: 'Marks as read or unread, adds and removes tags',
    query: SEARCH,
    body: s.changeBody,
    gives: s.changed,
  },
  'DELETE /messages': { summary: 'Deletes mails', query: SEARCH, body: s.selectionBody, gives: s.deleted },
  'GET /search': { summary: 'A page of mails that match', query: PAGE, gives: s.page },
  'GET /messages/:id': { summary: 'A mail with its envelope; `latest` is the newest', query: SEARCH, gives: s.message },
  'DELETE /messages/:id': { summary: 'Deletes a mail', status: 204 },
  'GET /messages/:id/headers': { summary: 'Its header fields in their order', gives: s.headers },
  'GET /messages/:id/structure': { summary: 'Its MIME tree', gives: s.structure },
  'GET /messages/:id/transcript': { summary: 'The SMTP dialogue in which it came', gives: s.transcript },
  'GET /messages/:id/html': { summary: 'Its HTML in a sandbox, for a frame', query: ['remote'], gives: 'text/html' },
  'GET /messages/:id/eml': { summary: 'Its source as a file', gives: 'message/rfc822' },
  'GET /messages/:id/extract': {
    summary: 'Its links, one-time passwords and captures',
    query: ['capture'],
    gives: s.extracted,
  },
  'GET /messages/:id/lint': { summary: 'What is wrong with it', gives: s.lint },
  'GET /messages/:id/diff/:other': { summary: 'What differs between two mails', gives: s.difference },
  'POST /messages/:id/replay': {
    summary: 'Sends it once more',
    body: s.replayBody,
    gives: s.replayed,
    others: { 403: s.problem, 502: s.problem },
  },
  'GET /tags': { summary: 'Tags and how many mails have them', query: ['namespace'], gives: s.tags },
  'GET /namespaces': { summary: 'All namespaces', gives: s.namespaces },
  'POST /namespaces': {
    summary: 'Makes a namespace and tells how to use it',
    body: s.namespaceBody,
    gives: s.createdNamespace,
    status: 201,
    others: { 409: s.problem },
  },
  'DELETE /namespaces/:name': { summary: 'Deletes a namespace with its mail', status: 204 },
  'GET /wait': {
    summary: 'Waits until enough mails match',
    query: [...SEARCH, 'count', 'after', 'timeout', 'capture'],
    gives: s.waited,
    others: { 408: s.missed },
  },
  'GET /events': {
    summary: 'Mails that match, as server-sent events; the id of each is its seq',
    query: [...SEARCH, 'after', 'capture'],
    gives: 'text/event-stream',
  },
  'GET /export': {
    summary: 'Mails as one file, oldest first',
    query: [...SEARCH, 'format'],
    gives: 'application/mbox',
  },
  'GET /faults': { summary: 'The fault rules in their order', query: ['namespace'], gives: s.faults },
  'POST /faults': { summary: 'Adds a rule', query: ['namespace'], body: s.newFault, gives: s.fault, status: 201 },
  'PUT /faults': { summary: 'Replaces all rules', query: ['namespace'], body: s.faultsBody, gives: s.faults },
  'DELETE /faults': { summary: 'Deletes all rules', query: ['namespace'], status: 204 },
  'GET /faults/:id': { summary: 'A rule', gives: s.fault },
  'DELETE /faults/:id': { summary: 'Deletes a rule', status: 204 },
  'POST /faults/:id/reset': { summary: 'Lets its counts and its chance begin anew', gives: s.fault },
  'GET /queue': { summary: 'What waits for delivery, and the upstreams', query: ['limit', 'after'], gives: s.queue },
  'GET /info': { summary: 'The version, and where mail can be sent to', gives: s.info },
  'GET /openapi.json': { summary: 'This document', gives: 'application/json' },
  'GET /docs': { summary: 'A page to try it', gives: 'text/html' },
};
