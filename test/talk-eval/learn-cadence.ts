/**
 * Learns from a human's recordings how speech sounds at the end of a sentence and before a pause inside one, and writes the weights of
 * `media/audio/cadence.ts`. It trains on half of the recordings; the other half is kept for evaluation, here and in `npm run talk-eval`.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { seededRandom } from '../../contracts/kit/seeded-random.ts';
import { createFeatures, type Features, featureNames, likelihood, weighed } from '../../media/audio/cadence.ts';
import { decode, encode } from '../../media/audio/g711.ts';
import { voiceActivity } from '../../media/audio/voice-activity.ts';
import { optionsOf, refuse } from '../../scripts/options.ts';
import { silenceTimes } from '../../services/call-orchestrator/talk/end-of-turn.ts';
import { createHearing } from '../../services/call-orchestrator/talk/hearing.ts';
import { type Callers, hasVoices, humanCallers } from './callers.ts';
import { atLevel, noise, pitched } from './sound.ts';

const help = `node test/talk-eval/learn-cadence.ts

Learns the weights of media/audio/cadence.ts from the half of festvox-ru that talk-eval does not play, and prints how well they do on both halves.`;

/** A silence of the speaker, with the features of the speech before it, for a new voice and for a known one. */
interface Silence {
  readonly asNew: Features;
  readonly asKnown: Features;
  /** Null: the recording ended. */
  readonly pauseMs: number | null;
}
/** Shorter silences do not matter for turns. */
const shortestMs = 250;
/** Strength of the ridge regularization. */
const ridge = 3;
/** Each recording is used at these pitches, with varied levels and noise. */
const pitches = [0.93, 1.07];
const silenceMs = 500;

optionsOf(help, {});
if (!hasVoices()) refuse('The recordings are missing: apt-get install festival festvox-ru', help);
const detector = await voiceActivity();
const signal = AbortSignal.timeout(600_000);
const learned = silencesOf(await humanCallers([], signal, 'teaching'));
const kept = silencesOf(await humanCallers([], signal, 'judging'));
const kinds = ['asNew', 'asKnown'] as const;
for (const kind of kinds) {
  console.log(`${kind}, teaching half → judging half: ${judged(kept, kind, weightsOf(learned, kind))}`);
  console.log(`${kind}, the other way round:          ${judged(learned, kind, weightsOf(kept, kind))}`);
}
const [newSpeaker, knownSpeaker] = kinds.map((kind) => weightsOf(learned, kind).map((weight) => Number(weight.toPrecision(3))));
await writeFile(
  join(import.meta.dirname, '../../media/audio/cadence-weights.ts'),
  `/** Written by \`node test/talk-eval/learn-cadence.ts\`: the bias, then the weight of each feature of \`cadence.ts\`: ${featureNames.join(', ')}. */
export const weights = {
  newSpeaker: [${newSpeaker?.join(', ')}],
  knownSpeaker: [${knownSpeaker?.join(', ')}],
} as const;
`,
);

/** The recordings as a talk hears them: over G.711, with line noise, segmented by its detector. */
function silencesOf(callers: Callers): readonly Silence[] {
  const found: Silence[] = [];
  for (const [draw, pitch] of pitches.entries()) {
    const knowing = createFeatures();
    for (let nth = 0; nth < callers.recordings; nth += 1) {
      const random = seededRandom(draw * callers.recordings + nth);
      const between = (from: number, to: number): number => from + random() * (to - from);
      const db = between(-26, -16);
      const samples = atLevel(pitched(callers.recording(nth), pitch).samples, db);
      const hiss = atLevel(noise(1_000, random, 0.5), db - between(25, 45));
      const line = Int16Array.from({ length: samples.length + 24_000 }, (_, at) =>
        Math.max(-32_768, Math.min(32_767, (samples[at - 8_000] ?? 0) + (hiss[at % hiss.length] ?? 0))),
      );
      found.push(...silencesIn(encode('PCMU', line), knowing));
    }
  }
  return found;
}
function silencesIn(pcmu: Uint8Array, knowing: ReturnType<typeof createFeatures>): readonly Silence[] {
  const found: { readonly asNew: Features | null; readonly asKnown: Features | null; pauseMs: number | null; readonly at: number }[] = [];
  let fresh = createFeatures();
  let now = 0;
  const hearing = createHearing({
    ...{ detector, now: () => now, stirred: () => {}, echoDb: () => Number.NEGATIVE_INFINITY },
    started(_, at) {
      const last = found.at(-1);
      if (last !== undefined) last.pauseMs = at - last.at;
    },
    audio(audio) {
      for (const each of [fresh, knowing]) each.push(decode('PCMU', audio));
    },
    stopped(_, at) {
      found.push({ asNew: fresh.end()?.features ?? null, asKnown: knowing.end()?.features ?? null, pauseMs: null, at });
      fresh = createFeatures();
    },
  });
  for (let at = 0; at + 160 <= pcmu.length; at += 160) {
    now = at / 8 + 20;
    hearing.frame(pcmu.subarray(at, at + 160));
  }
  hearing.close();
  return found.flatMap(({ asNew, asKnown, pauseMs }) => (asNew === null || asKnown === null ? [] : [{ asNew, asKnown, pauseMs }]));
}
/** Logistic regression by Newton's method; the bias first. */
function weightsOf(silences: readonly Silence[], kind: (typeof kinds)[number]): readonly number[] {
  const used = silences.filter(({ pauseMs }) => pauseMs === null || pauseMs > shortestMs);
  let weights: readonly number[] = Array(featureNames.length + 1).fill(0);
  for (let round = 0; round < 30; round += 1) {
    const gradient = weights.map((weight, nth) => (nth === 0 ? 0 : -ridge * weight));
    const curve = weights.map((_, row) => weights.map((_, column) => (row === column ? ridge : 0)));
    for (const silence of used) {
      const likely = likelihood(weighed(silence[kind], weights));
      const row = [1, ...silence[kind]];
      for (const [a, value] of row.entries()) {
        gradient[a] = (gradient[a] as number) + value * ((silence.pauseMs === null ? 1 : 0) - likely);
        const line = curve[a] as number[];
        for (const [b, other] of row.entries()) line[b] = (line[b] as number) + value * other * likely * (1 - likely);
      }
    }
    const change = solved(curve, gradient);
    weights = weights.map((weight, nth) => weight + (change[nth] as number));
  }
  return weights;
}
/** Gaussian elimination of a positive definite matrix. */
function solved(matrix: readonly (readonly number[])[], right: readonly number[]): readonly number[] {
  const rows = matrix.map((row, nth) => [...row, right[nth] as number]);
  for (const [nth, pivot] of rows.entries())
    for (const [other, row] of rows.entries()) {
      if (other === nth) continue;
      const factor = (row[nth] as number) / (pivot[nth] as number);
      for (let at = nth; at < row.length; at += 1) row[at] = (row[at] as number) - factor * (pivot[at] as number);
    }
  return rows.map((row, nth) => (row.at(-1) as number) / (row[nth] as number));
}
function judged(silences: readonly Silence[], kind: (typeof kinds)[number], weights: readonly number[]): string {
  const scored = silences.map((silence) => ({ likely: likelihood(weighed(silence[kind], weights)), pauseMs: silence.pauseMs }));
  const ends = scored.filter(({ pauseMs }) => pauseMs === null);
  const pauses = scored.flatMap(({ likely, pauseMs }) => (pauseMs === null ? [] : [{ likely, pauseMs }]));
  const better = ends.reduce((sum, end) => sum + pauses.filter(({ likely }) => likely < end.likely).length, 0);
  const waits = ends.map(({ likely }) => silenceMs * silenceTimes(likely)).toSorted((a, b) => a - b);
  const share = (failed: readonly unknown[]): string => `${((100 * failed.length) / pauses.length).toFixed(1)} %`;
  return [
    `${pauses.length} pauses, ${ends.length} ends, area under the curve ${(better / ends.length / pauses.length).toFixed(3)}`,
    `longer than ${silenceMs} ms ${share(pauses.filter(({ pauseMs }) => pauseMs > silenceMs))}`,
    `than the silence that it chooses ${share(pauses.filter(({ likely, pauseMs }) => pauseMs > silenceMs * silenceTimes(likely)))}`,
    `ends wait ${[0.5, 0.95].map((part) => Math.round(waits[Math.floor(waits.length * part)] as number)).join(' ms p50, ')} ms p95`,
  ].join('; ');
}
