/** The program of a thread that plays a share of the talks: they are independent, and each processor plays its own. */
import { parentPort, workerData } from 'node:worker_threads';
import { humanCallers } from './callers.ts';
import { endOfTurnMs, judge, type Verdict } from './judge.ts';
import { everyGroup } from './numbers.ts';
import { play, textsOf } from './play.ts';
import type { Scenario } from './scenario.ts';

export interface Share {
  readonly scenarios: readonly Scenario[];
  /** The talks to play: a scenario, and the seed of its choices. */
  readonly talks: readonly { readonly nth: number; readonly seed: number }[];
  readonly silenceMs: number;
  /** The agent's voice, by text. */
  readonly voice: ReadonlyMap<string, Uint8Array>;
}
/** A talk that was played, in the order of the share. */
export interface Played {
  readonly verdicts: readonly Verdict[];
  /** Time from the caller's last sound to the end of the turn; null if it did not end. */
  readonly endMs: number | null;
}
/** Time limit for what the callers say, which is in the cache. */
const readMs = 60_000;
/** Spoken where the agent has no speech of a text. */
const pause = new Uint8Array(8_000).fill(0xff);

if (parentPort === null) throw new TypeError('this is the program of a thread');
const { scenarios, talks, silenceMs, voice } = workerData as Share;
const callers = await humanCallers([...everyGroup, ...scenarios.flatMap(textsOf)], AbortSignal.timeout(readMs));
for (const { nth, seed } of talks) {
  const scenario = scenarios[nth] as Scenario;
  const { observed } = await play(scenario, seed, { callers, voice: (text) => voice.get(text) ?? pause, rules: { silenceMs } });
  const last = observed.made.at(-1);
  const verdicts = scenario.expect.map((expected) => judge(expected, observed));
  parentPort.postMessage({ verdicts, endMs: last === undefined ? null : endOfTurnMs(last, observed) } satisfies Played);
}
