/** Scenarios of live calls: the steps of the caller, and expectations of the recording and the transcript. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';
import { OneOf, Range, sharedExpectations, stepFields } from '../scenario.ts';

const Step = z
  .strictObject({
    ...stepFields,
    pitch: Range.default([100, 100]),
    gain: Range.default([0, 0]),
    hold: z.number().optional().describe('The phone puts the agent on hold for this time, ms.'),
  })
  .refine(({ say, play, hold }) => [say, play, hold].filter((each) => each !== undefined).length === 1, 'one of say, play and hold');

const Expectation = z.union([
  z.strictObject({ withinMs: z.number() }).describe('The answer to the last step begins within this time after its last sound.'),
  z
    .strictObject({ resumed: z.literal(true) })
    .describe('The sentence interrupted by the last step stops, resumes where it stopped, and is heard to its end.'),
  z.strictObject({ hungUp: z.literal(true) }).describe('The agent hangs up after its last word.'),
  z.strictObject({ personHeard: z.literal(true) }).describe('The caller is connected with the person and hears them.'),
  ...sharedExpectations,
]);
export type Expectation = z.output<typeof Expectation>;

const Scenario = z.strictObject({
  name: z.string().regex(/^[a-z-]+$/, 'a file name of lower-case letters and hyphens'),
  shows: z.string(),
  isWithheld: z.boolean().default(false).describe('The caller withholds their number.'),
  caller: z.array(Step),
  person: OneOf.optional().describe('The words of a person who is called and takes the call.'),
  expect: z.array(Expectation).min(1),
  untilMs: z.int().default(60_000),
});
export type LiveScenario = z.output<typeof Scenario>;
export type LiveStep = LiveScenario['caller'][number];

/** @throws Error that names the invalid place */
export function readLiveScenarios(file: string): readonly LiveScenario[] {
  const read = z.strictObject({ scenarios: z.array(Scenario) }).safeParse(parse(readFileSync(file, 'utf8')));
  if (!read.success) throw new Error(`${file}: ${z.prettifyError(read.error)}`);
  return read.data.scenarios;
}
