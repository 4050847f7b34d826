/** The file in which fault tests count effects. */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';

/**
 * Appends one JSON line unless a line with this `ref` exists: a process that dies between the line and its commit is retried with the same
 * `ref`.
 */
export function recordOnce(file: string, effect: Readonly<Record<'ref' | 'callId' | 'phoneNumber', string>>): void {
  const { ref, callId, phoneNumber } = effect;
  const start = `{"ref":${JSON.stringify(ref)},`;
  if (existsSync(file) && readFileSync(file, 'utf8').includes(start)) return;
  appendFileSync(file, `${JSON.stringify({ ref, callId, phoneNumber })}\n`);
}
