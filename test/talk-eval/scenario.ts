/** Scenarios of talks in YAML: the replies of the agent, the steps of the caller, and expectations. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { Expected } from '../../contracts/dialog.ts';

/** A number, or a range from which each run draws one: `400..1200`. */
export const Range = z
  .union([z.number(), z.string().regex(/^-?\d+\.\.-?\d+$/)])
  .transform((written) => (typeof written === 'number' ? ([written, written] as const) : written.split('..').map(Number)))
  .transform((ends) => ends as unknown as readonly [from: number, to: number]);
export type Range = z.output<typeof Range>;
export const OneOf = z.union([z.string(), z.array(z.string()).min(1)]).transform((each) => (typeof each === 'string' ? [each] : each));

/** A step of a caller, in virtual time and on a live call. */
export const stepFields = {
  say: OneOf.optional().describe('One of these texts. `…` is a pause; {phone} and {number} are digits in groups.'),
  play: z.enum(['recording', 'opening', 'cough', 'noise', 'music']).optional().describe('opening: a recording up to its first pause.'),
  over: z.string().optional().describe('Begins while the agent says a sentence that matches this pattern; default: after the agent.'),
  wait: Range.default([500, 500]).describe(
    'Delay, ms, from the begin of the sentence of `over`, else from the end of the agent’s speech, or with `straight` of the step before.',
  ),
  straight: z.boolean().default(false).describe('Follows the previous step without waiting for the agent.'),
  pauses: Range.default([400, 1_200]),
  gain: Range.default([-3, 3]).describe('Level relative to the caller’s usual one, dB.'),
  pitch: Range.default([92, 108]).describe('Percent.'),
  ms: Range.default([300, 2_000]).describe('Length of a cough, noise or music.'),
};
const Step = z.strictObject(stepFields).refine(({ say, play }) => (say === undefined) !== (play === undefined), 'either say or play');
export type Step = z.output<typeof Step>;

const Reply = z.strictObject({
  to: z.string().optional().describe('Replies to a message that matches this pattern; default: to the next message.'),
  say: OneOf.optional(),
  tool: z.string().optional().describe('A tool that the dialog calls before it replies.'),
  expects: z.array(Expected).default([]),
  afterMs: Range.default([300, 700]),
});
export type Reply = z.output<typeof Reply>;

/** Expectations that can be checked both in virtual time and on a recording. */
export const sharedExpectations = [
  z.strictObject({ interrupted: z.boolean() }).describe('Whether the last step interrupts its sentence for good.'),
  z.strictObject({ silentWithinMs: z.number() }).describe('Maximum time from the begin of the last step until the agent is silent, ms.'),
  z.strictObject({ heard: z.string() }),
  z.strictObject({ absent: z.string() }),
  z.strictObject({ asked: z.string() }).describe('A message to the dialog matches this pattern.'),
  z.strictObject({ messages: z.number() }).describe('Number of messages to the dialog.'),
  z
    .strictObject({ slot: z.enum(['phone', 'number', 'words']) })
    .describe('One message contains all digits, or all words, of the last step.'),
  z.strictObject({ tool: z.string() }),
] as const;
/** Each is one trial per run, except `uncut`, which is one per pause. */
const Expectation = z.union([
  z.strictObject({ uncut: z.literal(true) }).describe('No pause of the last step ends the turn.'),
  z.strictObject({ withinMs: z.number() }).describe('The turn of the last step ends within this time after its last sound.'),
  ...sharedExpectations,
]);
export type Expectation = z.output<typeof Expectation>;

export const Scenario = z.strictObject({
  name: z.string(),
  row: z.string().describe('The row of the table in which its first expectation counts.'),
  times: z.int().min(1).max(1_000).default(1),
  greeting: z.string().default('Салон, добрый день!'),
  agent: z.array(Reply).default([]),
  echo: z
    .strictObject({ db: Range, ms: Range.default([50, 300]) })
    .optional()
    .describe('The agent’s own voice returns at this level, after this delay.'),
  snr: Range.default([25, 45]).describe('Signal-to-noise ratio of the line, dB.'),
  db: Range.default([-26, -16]).describe('Level of the caller, dB of full scale.'),
  caller: z.array(Step),
  expect: z.array(Expectation).min(1),
  untilMs: z.int().default(30_000),
});
export type Scenario = z.output<typeof Scenario>;

const File = z.strictObject({
  rows: z.record(z.string(), z.strictObject({ atMost: z.number().nullable() })),
  scenarios: z.array(Scenario),
});
export interface Scenarios {
  readonly scenarios: readonly Scenario[];
  /** The rows of the table in order, with the maximum percentage of failed trials; null: no goal. */
  readonly goals: ReadonlyMap<string, number | null>;
}
/** @throws Error that names the file and the invalid place */
export function readScenarios(folder: string): Scenarios {
  const files = readdirSync(folder)
    .filter((file) => file.endsWith('.yaml'))
    .toSorted()
    .map((file) => {
      const read = File.safeParse(parse(readFileSync(join(folder, file), 'utf8')));
      if (!read.success) throw new Error(`${file}: ${z.prettifyError(read.error)}`);
      return read.data;
    });
  const goals = new Map(files.flatMap(({ rows }) => Object.entries(rows).map(([row, { atMost }]) => [row, atMost] as const)));
  const scenarios = files.flatMap((file) => file.scenarios);
  for (const { name, row } of scenarios) if (!goals.has(row)) throw new Error(`${name}: there is no row ${row}`);
  return { scenarios, goals };
}
