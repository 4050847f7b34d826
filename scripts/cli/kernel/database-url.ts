import { database } from '../../../config/common.ts';
import { openSources } from '../../../config/env.ts';
import { read } from '../../../config/read.ts';
import type { Invocation } from './command.ts';
import { contextOf } from './contexts.ts';
import { refusal } from './failure.ts';

/** The database that a command works on. @throws PolybError failed_precondition when none is named, or by what is no URL of PostgreSQL. */
export function databaseUrl(env: Invocation['env'], subject: string): string {
  const { DATABASE_URL } = read([database], openSources({ env })).of(database);
  if (DATABASE_URL !== undefined) return DATABASE_URL;
  throw refusal('failed_precondition', 'DATABASE_URL is not set', {
    subject,
    effect: 'nothing_done',
    next: ['polyb up        starts a database and sets it', 'polyb config list'],
  });
}

/** For commands that act on the system in use. @throws PolybError failed_precondition also when that is a context, which knows a bus and no database. */
export function systemDatabaseUrl({ flags, env }: Pick<Invocation, 'flags' | 'env'>, subject: string): string {
  if (contextOf(flags, env) === undefined) return databaseUrl(env, subject);
  throw refusal('failed_precondition', `${subject} needs the database of the system, and a context has only its bus`, {
    subject,
    effect: 'nothing_done',
    next: [`polyb ${subject}        in the checkout of that system`, 'polyb context use own'],
  });
}
