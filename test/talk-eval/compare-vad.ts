/** Compares the detectors of speech on recordings of a human and on sounds that are not speech, and prints a table. */
import { seededRandom } from '../../contracts/kit/seeded-random.ts';
import { detectors } from '../../media/audio/detectors.ts';
import { decode, encode } from '../../media/audio/g711.ts';
import type { VoiceActivity } from '../../media/audio/voice-activity.ts';
import { optionsOf, refuse } from '../../scripts/options.ts';
import { hasVoices, humanCallers } from './callers.ts';
import { atLevel, burst, music, noise, type Stretch } from './sound.ts';

const help = `node test/talk-eval/compare-vad.ts

Prints for fvad and silero (CALL_VAD) which share of speech they miss and which share of silence they take for speech.`;
const recordings = 30;
/** Sounds without speech, in a quiet room, of each kind. */
const [tracks, soundsOfTrack, trackMs] = [20, 5, 10_000];
const leadMs = 1_500;
const options = { startMs: 60, stopMs: 200 };
/** A pause of the speaker that a detector should notice; shorter ones count as speech. */
const longPauseMs = 400;
/** Detected speech may reach this far into the silence around it. */
const [beforeMs, afterMs] = [100, 300];

type Noise = (ms: number, random: () => number) => Int16Array;
const street: Noise = (ms, random) => noise(ms, random, 0.9);
const hiss: Noise = (ms, random) => noise(ms, random, 0.2);
/** Level of speech, its distance from the background, dB, and the background. */
const rooms: readonly (readonly [name: string, db: number, aboveDb: number, background: Noise])[] = [
  ['quiet room', -20, 60, hiss],
  ['quiet caller', -35, 30, hiss],
  ['hiss, 20 dB', -20, 20, hiss],
  ['street, 10 dB', -20, 10, street],
  ['street, 5 dB', -20, 5, street],
  ['music, 10 dB', -20, 10, music],
];
const sounds: readonly (readonly [name: string, sound: Noise, ms: number])[] = [
  ['coughs and knocks', burst, 250],
  ['bursts of street noise', street, 1_200],
  ['bursts of music', music, 1_200],
];

optionsOf(help, {});
if (!hasVoices()) refuse('The recordings are missing: apt-get install festival festvox-ru', help);
const callers = await humanCallers([], AbortSignal.timeout(600_000));
type Kind = keyof typeof detectors;
const kinds = Object.keys(detectors) as readonly Kind[];
const percent = (part: number, of: number): string => `${((100 * part) / of).toFixed(1)} %`;
const rows: string[] = [];
for (const room of rooms) rows.push(`| ${room[0]} | ${(await Promise.all(kinds.map((kind) => inRoom(kind, room)))).join(' | ')} |`);
for (const [name, sound, ms] of sounds) {
  const found = await Promise.all(kinds.map((kind) => segmentsOf(kind, sound, ms)));
  rows.push(`| ${tracks * soundsOfTrack} ${name} | ${found.map((count) => `${count} segments`).join(' | ')} |`);
}
console.log(`| | ${kinds.join(' | ')} |\n| --- | ${kinds.map(() => '---').join(' | ')} |\n${rows.join('\n')}`);
for (const kind of kinds) {
  const before = process.cpuUsage();
  const track = noise(60_000, seededRandom(1));
  await heard(kind, track);
  const { user, system } = process.cpuUsage(before);
  console.log(`${kind}: ${((user + system) / 1_000 / 60_000).toFixed(4)} s of CPU a second`);
}

async function inRoom(kind: Kind, [, db, aboveDb, background]: (typeof rooms)[number]): Promise<string> {
  let [speechMs, missedMs, silenceMs, falseMs] = [0, 0, 0, 0];
  for (let nth = 0; nth < recordings; nth += 1) {
    const { samples, pauses } = callers.recording(nth);
    const line = new Int16Array(samples.length + 16 * leadMs);
    line.set(atLevel(samples, db), 8 * leadMs);
    const found = await heard(kind, mixed(line, atLevel(background(line.length / 8, seededRandom(nth)), db - aboveDb)));
    const endMs = leadMs + samples.length / 8;
    for (const { from, to } of spans(leadMs, endMs, pauses)) {
      speechMs += to - from;
      missedMs += to - from - overlap(found, from, to);
    }
    silenceMs += 2 * leadMs - beforeMs - afterMs;
    falseMs += overlap(found, 0, leadMs - beforeMs) + overlap(found, endMs + afterMs, line.length / 8);
  }
  return `${percent(missedMs, speechMs)} missed, ${percent(falseMs, silenceMs)} false`;
}
async function segmentsOf(kind: Kind, sound: Noise, ms: number): Promise<number> {
  let count = 0;
  for (let nth = 0; nth < tracks; nth += 1) {
    const random = seededRandom(nth);
    const line = new Int16Array(8 * trackMs);
    for (let at = 0; at < line.length; at += line.length / soundsOfTrack) line.set(atLevel(sound(ms, random), -25), at);
    count += (await heard(kind, mixed(line, atLevel(noise(trackMs, random), -60)))).length;
  }
  return count;
}
/** Speech as a talk hears it, over G.711 in frames of 20 ms. */
async function heard(kind: Kind, samples: Int16Array): Promise<readonly Stretch[]> {
  const detector: VoiceActivity & { readonly judged?: Promise<void> } = (await detectors[kind]())(options);
  const pcmu = encode('PCMU', samples);
  const found: Stretch[] = [];
  let from: number | null = null;
  for (let at = 0; at + 160 <= pcmu.length; at += 160) {
    const edge = detector.push(decode('PCMU', pcmu.subarray(at, at + 160)), false);
    await detector.judged;
    const now = at / 8 + 20;
    if (edge === 'started') from = now - options.startMs;
    if (edge === 'stopped' && from !== null) found.push({ from, to: now - options.stopMs });
    if (edge === 'stopped') from = null;
  }
  detector.close();
  return from === null ? found : [...found, { from, to: pcmu.length / 8 }];
}
function mixed(line: Int16Array, background: Int16Array): Int16Array {
  return line.map((sample, at) => Math.max(-32_768, Math.min(32_767, sample + (background[at % background.length] ?? 0))));
}
function overlap(found: readonly Stretch[], from: number, to: number): number {
  return found.reduce((sum, each) => sum + Math.max(0, Math.min(each.to, to) - Math.max(each.from, from)), 0);
}
/** The speech of a recording between its long pauses. */
function spans(begin: number, end: number, pauses: readonly Stretch[]): readonly Stretch[] {
  const long = pauses.filter(({ from, to }) => to - from > longPauseMs);
  const starts = [begin, ...long.map(({ to }) => begin + to)];
  return starts.map((from, nth) => ({ from, to: begin + (long[nth]?.from ?? end - begin) }));
}
