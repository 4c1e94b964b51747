// Tells databases on PostgreSQL from files, without loading anything that speaks to one.

import { ChatError } from '../../src/errors.ts';

export function isPostgresUrl(database: string | undefined): database is string {
  return database !== undefined && /^postgres(ql)?:/i.test(database);
}

/**
 * `postgres://host:port/database`, for people: who logs in, with what, and how stays between program and server. A file's
 * name is left as it is.
 */
export function databaseName(database: string): string {
  if (!isPostgresUrl(database)) return database;
  try {
    const { protocol, host, pathname, searchParams } = new URL(database);
    return `${protocol}//${host || (searchParams.get('host') ?? '')}${pathname}`;
  } catch {
    return 'postgres:';
  }
}

/** Throws BAD_OPTION for what is meant to be a URL and is none. */
export function checkDatabase(database: string | undefined): void {
  if (!isPostgresUrl(database)) return;
  // The URL itself is not repeated: it may hold a password.
  const says = 'expected a file or postgres://user@host:port/name';
  if (!URL.canParse(database)) throw new ChatError('BAD_OPTION', `database: a URL that cannot be read; ${says}`);
  const { pathname, hash } = new URL(database);
  if (pathname.length < 2) throw new ChatError('BAD_OPTION', `database: the URL names no database; ${says}`);
  if (hash !== '') {
    throw new ChatError('BAD_OPTION', `database: "#" in a URL ends it; write it as %23; ${says}`);
  }
}
