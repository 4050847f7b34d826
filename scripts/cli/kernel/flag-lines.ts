/** Flags as help lists them. */
import type { Flag } from './command.ts';
import { padEnd } from './text.ts';

export function flagLines(flags: readonly Flag[]): readonly string[] {
  const heads = flags.map(
    ({ name, short, value, optional }) =>
      `${short === undefined ? '    ' : `-${short}, `}--${name}${value === undefined ? '' : optional ? ` [${value}]` : ` ${value}`}`,
  );
  const width = Math.max(...heads.map((head) => head.length)) + 2;
  return flags.map((flag, index) => {
    const values = flag.values === undefined || flag.value === flag.values.join('|') ? '' : ` (${flag.values.join(', ')})`;
    return `${padEnd(heads[index] ?? '', width)}${flag.summary}${values}`;
  });
}
