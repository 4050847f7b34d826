/** Runs the scenarios of talks in virtual time, and writes the table of the agent's error rates. */
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { espeak, espeakSettings } from '../../adapters/tts/espeak.ts';
import { optionsOf, refuse } from '../../scripts/options.ts';
import { russianRules } from '../../services/call-orchestrator/talk/rules.ts';
import { hasVoices, humanCallers } from './callers.ts';
import { everyGroup } from './numbers.ts';
import { textsOf } from './play.ts';
import type { Played, Share } from './player.ts';
import { readScenarios, type Scenario } from './scenario.ts';
import { pageOf, type Row, tableOf } from './table.ts';

const help = `npm run talk-eval [-- OPTIONS]

Plays callers to the agent of a phone call in virtual time: recordings of a human (Debian's festvox-ru) and festival, over G.711.

  --only=WORDS  only scenarios whose name or row has these words; the table is not written
  --seed=N      another choice of texts, pauses and levels
  --failed      print what went wrong
  --silence=MS  the silence that ends a turn (500)
  --live        calls over SIP and RTP, with the services really running; test/talk-eval/live/scenarios.yaml
  --out=DIR     of live calls: where recordings and transcripts are stored (.polyb/talk-eval/live)
  --ear=KIND    of live calls: the ear (russian-acoustic)`;

const page = join(import.meta.dirname, '../../docs/talk-eval.md');

const options = optionsOf(help, {
  only: { type: 'string', default: '' },
  seed: { type: 'string', default: '1' },
  failed: { type: 'boolean', default: false },
  silence: { type: 'string', default: '500' },
  live: { type: 'boolean', default: false },
  out: { type: 'string', default: join(import.meta.dirname, '../../.polyb/talk-eval/live') },
  ear: { type: 'string', default: 'russian-acoustic' },
});
if (!hasVoices()) refuse('The voices of callers are missing: apt-get install festival festvox-ru', help);
if (options.live) {
  const { evaluateLive } = await import('./live/main.ts');
  process.exit((await evaluateLive(options)) ? 0 : 1);
}
const began = performance.now();
const { scenarios, goals } = readScenarios(join(import.meta.dirname, 'scenarios'));
const wanted = scenarios.filter(({ name, row }) => `${name} ${row}`.includes(options.only));
const stopping = AbortSignal.timeout(600_000);
// Festival speaks what is not yet in the cache, from which the threads read.
await humanCallers([...everyGroup, ...scenarios.flatMap(textsOf)], stopping);
const voice = await agentVoice(wanted);
const spokenAt = performance.now();

const rows = new Map<string, Row>(
  [...goals].map(([name, atMost]) => [name, { name, atMost, trials: 0, failed: 0, also: 0, talks: 0, endMs: [] }]),
);
const talks = wanted.flatMap(({ times }, nth) =>
  Array.from({ length: times }, (_, time) => ({ nth, time, seed: Number(options.seed) * 1_000_003 + nth * 1_009 + time })),
);
for (const [at, { verdicts, endMs }] of (await playAll()).entries()) {
  const { nth, time } = talks[at] as (typeof talks)[number];
  const scenario = wanted[nth] as Scenario;
  const row = rows.get(scenario.row) as Row;
  const [first, ...others] = verdicts;
  row.talks += 1;
  row.trials += first?.trials ?? 0;
  row.failed += first?.failed ?? 0;
  row.also += others.some(({ failed }) => failed > 0) ? 1 : 0;
  if (endMs !== null) row.endMs.push(endMs);
  if (!options.failed) continue;
  for (const { why } of verdicts) if (why !== null) console.log(`${scenario.name} #${time}: ${why}`);
}
const shown = [...rows.values()].filter(({ talks }) => talks > 0);
console.log(tableOf(shown));
const seconds = (performance.now() - spokenAt) / 1_000;
console.error(
  `${shown.reduce((sum, { talks }) => sum + talks, 0)} talks in ${seconds.toFixed(1)} s; voices ${((spokenAt - began) / 1_000).toFixed(1)} s`,
);
const isWhole = options.only === '' && options.seed === '1' && options.silence === '500';
if (isWhole) await writeFile(page, pageOf(shown, seconds));
process.exitCode = shown.every(({ atMost, failed, trials }) => atMost === null || (100 * failed) / trials <= atMost) ? 0 : 1;

/** Plays every talk, in one thread per processor. */
async function playAll(): Promise<readonly Played[]> {
  const threads = availableParallelism();
  const played = new Array<Played>(talks.length);
  const playShare = async (thread: number): Promise<void> => {
    const mine = [...talks.keys()].filter((at) => at % threads === thread);
    const share: Share = {
      ...{ scenarios: wanted, silenceMs: Number(options.silence), voice },
      talks: mine.map((at) => talks[at] as (typeof talks)[number]),
    };
    const worker = new Worker(new URL('player.ts', import.meta.url), { workerData: share });
    let count = 0;
    worker.on('message', (one: Played) => {
      played[mine[count++] as number] = one;
    });
    await once(worker, 'exit', { signal: stopping });
    if (count < mine.length) throw new Error(`a thread ended after ${count} of ${mine.length} talks`);
  };
  await Promise.all(Array.from({ length: threads }, (_, thread) => playShare(thread)));
  return played;
}

/** The built-in voice, synthesized in advance, since virtual time does not wait for a program. */
async function agentVoice(played: readonly Scenario[]): Promise<ReadonlyMap<string, Uint8Array>> {
  const { speak } = espeak(espeakSettings.parse({}));
  const own = Object.values(russianRules).filter((rule) => typeof rule === 'string');
  const texts = new Set([
    ...own,
    'Хорошо.',
    ...played.flatMap(({ greeting, agent }) => [greeting, ...agent.flatMap(({ say }) => say ?? [])]),
  ]);
  const spoken = new Map<string, Uint8Array>();
  for (const text of texts) spoken.set(text, await speak({ text, language: 'ru-RU' }, stopping));
  return spoken;
}
