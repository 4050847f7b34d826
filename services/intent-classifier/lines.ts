/** Labelled lines: JSON Lines with `text`, `intent` and the `scenario` that they come from. */
import { z } from 'zod';
import { PolybError } from '../../contracts/errors.ts';
import { Intent } from '../../contracts/intents.ts';

const Line = z.strictObject({
  text: z.string().min(1).max(4096),
  intent: Intent,
  scenario: z.string().min(1).max(100).default('unnamed'),
});
export type Line = z.output<typeof Line>;

/** @throws PolybError invalid_argument that names the first wrong line. */
export function readLines(file: string): readonly Line[] {
  const lines = file.split('\n').flatMap((given, index): Line[] => {
    if (given.trim() === '') return [];
    const line = Line.safeParse(jsonOf(given));
    if (!line.success)
      throw new PolybError('invalid_argument', `Line ${index + 1}: expected {"text": "…", "intent": "${Intent.options.join('|')}"}.`);
    return [line.data];
  });
  if (lines.length === 0) throw new PolybError('invalid_argument', 'There are no lines; expected one JSON object a line.');
  return lines;
}

function jsonOf(given: string): unknown {
  try {
    return JSON.parse(given);
  } catch {
    return undefined; // the schema refuses it with the line's number
  }
}
