/** What the commands of this folder share in telling how it went. */
import { PolybError } from '../../../contracts/kit/errors.ts';
import type { Output } from '../kernel/output.ts';
import { lastLines } from './logs-of.ts';
import { type App, listApps } from './pm2.ts';
import { logFile } from './project.ts';
import type { NotReady } from './ready.ts';

/** Exit status of a check that failed. */
export const checkFailed = 9;
const shownLines = 20;

/** For people the lines on stderr have said it all. */
export const isForMachines = ({ format }: Pick<Output, 'format'>): boolean => format !== 'pretty' && format !== 'table';

/** Names what did not get ready, with what it has written since byte `logFrom`. */
export async function tellNotReady(
  out: Output,
  label: string,
  { app, why }: Pick<NotReady, 'app' | 'why'>,
  logFrom: number,
): Promise<void> {
  const written = (await lastLines(logFile(app), logFrom, shownLines)).flatMap((line) => line.split('\n'));
  // PM2 tries again and again: the same line, but for its time and process id, is shown once.
  const lines = [...new Map(written.map((line) => [line.replace(/\d+/g, '0'), line])).values()];
  const head = `${label}  ${why}${lines.length > 0 ? '; its last lines:' : ''}`;
  out.note([head, ...lines.map((line) => `    ${line}`), `  polyb logs ${app}`].join('\n'), 'bad');
}

/** This checkout's apps. @throws PolybError failed_precondition/not_up when there are none. */
export async function requireUp(): Promise<readonly App[]> {
  const apps = await listApps();
  if (apps.length === 0)
    throw new PolybError('failed_precondition', 'No process of this checkout is running; start it: polyb up.', { reason: 'not_up' });
  return apps;
}
