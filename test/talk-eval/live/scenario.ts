/** Scenarios of live calls: what the caller does, and what the recording and the transcript must show. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';
import { OneOf, Range, sharedExpectations, stepFields } from '../scenario.ts';

const Step = z
  .strictObject({
    ...stepFields,
    pitch: Range.default([100, 100]),
    gain: Range.default([0, 0]),
    hold: z.number().optional().describe('The phone puts the agent on hold for so long, ms.'),
  })
  .refine(({ say, play, hold }) => [say, play, hold].filter((each) => each !== undefined).length === 1, 'one of say, play and hold');

const Expectation = z.union([
  z.strictObject({ withinMs: z.number() }).describe('The answer to the last step begins so soon after its last sound.'),
  z
    .strictObject({ resumed: z.literal(true) })
    .describe('The sentence that the last step is over stops, goes on where it stopped, and is heard whole.'),
  z.strictObject({ hungUp: z.literal(true) }).describe('The agent ends the call after its last word.'),
  z.strictObject({ personHeard: z.literal(true) }).describe('The caller is connected with the person and hears them.'),
  ...sharedExpectations,
]);
export type Expectation = z.output<typeof Expectation>;

const Scenario = z.strictObject({
  name: z.string().regex(/^[a-z-]+$/, 'a name of files'),
  shows: z.string(),
  isWithheld: z.boolean().default(false).describe('The caller does not show their number.'),
  caller: z.array(Step),
  person: OneOf.optional().describe('What a person says who is called, takes the call and is heard.'),
  expect: z.array(Expectation).min(1),
  untilMs: z.int().default(60_000),
});
export type LiveScenario = z.output<typeof Scenario>;
export type LiveStep = LiveScenario['caller'][number];

/** @throws Error that names the place of what is wrong */
export function readLiveScenarios(file: string): readonly LiveScenario[] {
  const read = z.strictObject({ scenarios: z.array(Scenario) }).safeParse(parse(readFileSync(file, 'utf8')));
  if (!read.success) throw new Error(`${file}: ${z.prettifyError(read.error)}`);
  return read.data.scenarios;
}
