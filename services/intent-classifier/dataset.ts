/** Labelled lines: JSON Lines with `text`, `intent` and their `scenario`, and `answersQuestion` if they follow a question. */
import { z } from 'zod';
import { Intent } from '../../contracts/intents.ts';
import { PolybError } from '../../contracts/kit/errors.ts';

const Line = z.strictObject({
  text: z.string().min(1).max(4096),
  intent: Intent,
  scenario: z.string().min(1).max(100).default('unnamed'),
  /** The line follows a question of the business. */
  answersQuestion: z.boolean().default(false),
});
export type Line = z.output<typeof Line>;
const UrgencyLine = z.strictObject({ text: z.string().min(1).max(4096), isUrgent: z.boolean() });
export type UrgencyLine = z.output<typeof UrgencyLine>;

/** @throws PolybError invalid_argument that names the first invalid line. */
export const readLines = (file: string): readonly Line[] => read(file, Line, `{"text": "…", "intent": "${Intent.options.join('|')}"}`);
/** @throws PolybError invalid_argument that names the first invalid line. */
export const readUrgencyLines = (file: string): readonly UrgencyLine[] => read(file, UrgencyLine, '{"text": "…", "isUrgent": true|false}');

function read<Row>(file: string, schema: z.ZodType<Row>, expected: string): readonly Row[] {
  const lines = file.split('\n').flatMap((given, index): Row[] => {
    if (given.trim() === '') return [];
    const line = schema.safeParse(jsonOf(given));
    if (!line.success) throw new PolybError('invalid_argument', `Line ${index + 1}: expected ${expected}.`);
    return [line.data];
  });
  if (lines.length === 0) throw new PolybError('invalid_argument', 'The file has no lines; expected one JSON object per line.');
  return lines;
}

function jsonOf(given: string): unknown {
  try {
    return JSON.parse(given);
  } catch {
    return undefined; // The schema refuses it with the line's number.
  }
}
