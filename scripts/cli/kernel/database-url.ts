import { database } from '../../../config/common.ts';
import { openSources } from '../../../config/env.ts';
import { read } from '../../../config/read.ts';
import type { Invocation } from './command.ts';
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
