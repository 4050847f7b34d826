/** How results are shown, and kept for the README. */
import type { Counts } from './test.ts';

export interface Result {
  readonly id: string;
  readonly title: string;
  readonly counts: Counts;
  readonly control?: Counts | undefined;
  readonly controlledBy?: string | undefined;
  /** `shown`: a control that showed harm. `BEYOND THE LIMIT`: a breach in a run with a pause longer than the documented limit; it proves nothing, run it again. */
  readonly verdict: 'held' | 'shown' | 'BREACH' | 'BEYOND THE LIMIT' | 'NO HARM SHOWN' | 'BROKE OFF';
  readonly seconds: number;
}

/** Figures in the order in which the test counted them. */
function figures({ ok: _, harm: __, ...rest }: Counts): string {
  return Object.entries(rest)
    .map(([name, value]) => `${words(name)} ${value}`)
    .join(', ');
}
const words = (name: string): string => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

export function tableOf(results: readonly Result[]): string {
  const rows = results.map(({ id, title, counts, control, controlledBy, verdict, seconds }) => [
    `${id}  ${verdict}  (${seconds} s)  ${title}`,
    `    ${figures(counts)}`,
    ...(control === undefined ? [] : [`    control: harm ${control.harm}; ${figures(control)}`]),
    ...(controlledBy === undefined ? [] : [`    control: ${controlledBy}`]),
  ]);
  return ['', ...rows.flat(), ''].join('\n');
}

/** JSON whose keys stand in a fixed order, so that two runs differ only where their figures do. */
export function writtenResults(results: readonly Result[], run: { readonly seed: number; readonly full: boolean }): string {
  const tests = results.map(({ id, title, verdict, seconds, counts, control, controlledBy }) => ({
    id,
    title,
    verdict,
    seconds,
    counts: sorted(counts),
    control: control === undefined ? null : sorted(control),
    controlledBy: controlledBy ?? null,
  }));
  return `${JSON.stringify({ seed: run.seed, full: run.full, tests }, null, 2)}\n`;
}
function sorted(counts: Counts): Counts {
  return Object.fromEntries(Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1))) as Counts; // the same entries
}
