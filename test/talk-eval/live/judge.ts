/** Whether a call went as its scenario expects: by the sound of its recording, and by its transcript. */
import type { calls } from '../../../contracts/calls.ts';
import type { OutputOf } from '../../../contracts/kit/define.ts';
import { rateHz } from '../../../media/audio/g711.ts';
import type { RecordedSides, Sound } from '../../../services/call-orchestrator/cli/recorded-waits.ts';
import { find } from '../../kit/voice.ts';
import { digitsOf } from '../numbers.ts';
import type { CallRecord, StepRecord } from './call.ts';
import type { Expectation } from './scenario.ts';

export type Transcript = OutputOf<typeof calls.get_transcript>;
type Entry = Transcript['entries'][number];

export interface Evidence {
  readonly called: CallRecord;
  readonly transcript: Transcript;
  readonly sides: RecordedSides;
  /** Tools run by the dialog. */
  readonly tools: readonly string[];
  /** The latency of each answer on the recording. */
  readonly waits: readonly (number | null)[];
  /** Synthesizes a text with the agent's voice. */
  readonly spoken: (text: string) => Promise<Int16Array>;
  /** The speech of the person who took the call. */
  readonly personSaid: Int16Array | null;
}
/** The actual outcome; null if it was as expected. */
export type Failure = string | null;

const perMs = rateHz / 1_000;
/** How far a sound may be from its expected place. */
const nearMs = 1_000;
/** Length of a piece of a voice to match, and the minimum similarity. */
const [pieceMs, likeness] = [150, 0.7];
/** A person is matched by shorter pieces at the end of the recording, since their path has its own jitter. */
const [shortMs, everyMs, endMs, movedMs] = [80, 300, 8_000, 60];
/** A sentence resumes at the beginning of the word in which it stopped, or was believed to. */
const longestWordMs = 700;
/** The end of a sentence is located by a piece this long before it, since a voice fades. */
const lastMs = 600;
/** Uncertainty about which frames were heard. */
const frameMs = 40;
/** How far the clocks of the caller and of the recording are apart: a hold may have silenced the agent when its step begins. */
const apartMs = 150;

export async function judge(expected: Expectation, evidence: Evidence): Promise<Failure> {
  const { called, transcript, sides, tools, waits, personSaid } = evidence;
  const agent = transcript.entries.filter(({ who }) => who === 'agent');
  const customer = transcript.entries.filter(({ who }) => who === 'customer');
  const last = called.done.at(-1);
  const unless = (ok: boolean, why: string): Failure => (ok ? null : why);
  if ('heard' in expected) {
    const entry = agent.find(({ text }) => text.includes(expected.heard));
    if (entry === undefined) return `not in the transcript: ${expected.heard}`;
    return unless(isSounding(entry, evidence), `not on the recording: ${expected.heard}`);
  }
  if ('absent' in expected) return unless(!agent.some(({ text }) => text.includes(expected.absent)), `heard: ${expected.absent}`);
  if ('asked' in expected)
    return unless(
      customer.some(({ text }) => new RegExp(expected.asked, 'iu').test(text)),
      said(customer),
    );
  if ('messages' in expected) return unless(turnsOf(transcript) === expected.messages, `${turnsOf(transcript)}: ${said(customer)}`);
  if ('tool' in expected) return unless(tools.includes(expected.tool), `tools: ${tools.join(', ')}`);
  if ('hungUp' in expected) return unless(called.hungUp, 'the agent did not hang up');
  if ('personHeard' in expected) {
    return unless(personSaid !== null && isHeard(personSaid, sides.systemSamples), 'the person is not on the recording');
  }
  if (last === undefined) return 'the caller did nothing';
  if ('slot' in expected) {
    const wanted = expected.slot === 'words' ? last.words : digitsOf(last.words);
    const texts = customer.map(({ text }) => (expected.slot === 'words' ? text : text.replace(/\D/g, '') + digitsOf(text)));
    return unless(
      texts.some((text) => text.includes(wanted)),
      `${wanted}: ${said(customer)}`,
    );
  }
  if ('withinMs' in expected) {
    const wait = waits.at(-1) ?? null;
    return unless(wait !== null && wait <= expected.withinMs, `answered after ${wait} ms`);
  }
  const at = placeOfStep(last, evidence);
  if (at === null) return 'the step is not on the recording';
  const over = sides.system.find(({ startMs, endMs }) => startMs < at && endMs > at - apartMs);
  if (over === undefined) return 'the agent was silent when the step began';
  if ('silentWithinMs' in expected)
    return unless(over.endMs - at <= expected.silentWithinMs, `heard for ${Math.round(over.endMs - at)} ms`);
  const entry = agent.findLast(({ startedAt }) => Date.parse(startedAt) - beginOf(evidence) <= at);
  // The transcript contains only the heard part of an interrupted sentence.
  if (entry === undefined || (!entry.isInterrupted && !new RegExp(last.step.over ?? '', 'iu').test(entry.text)))
    return `another sentence was said at that time: ${entry?.text}`;
  if ('interrupted' in expected) return unless(entry.isInterrupted === expected.interrupted, `${entry.text} | ${said(customer)}`);
  return await isResumed(entry, over, evidence);
}

/** Unix ms at which the recording begins. */
export function beginOf({ transcript, sides }: Pick<Evidence, 'transcript' | 'sides'>): number {
  const first = transcript.entries.find(({ who }) => who === 'agent');
  return Date.parse(first?.startedAt ?? '') - (sides.system[0]?.startMs ?? 0);
}
const said = (entries: readonly Entry[]): string => entries.map(({ text }) => text).join(' | ');
const turnsOf = ({ entries }: Transcript): number => entries.filter(({ waterfall }) => waterfall !== null).length;

/** Where a step begins on the recording, ms; null if it is missing. */
function placeOfStep({ step, from }: StepRecord, evidence: Evidence): number | null {
  const at = from - beginOf(evidence);
  if (step.hold !== undefined) return at;
  const starts = evidence.sides.customer.map(({ startMs }) => startMs).filter((ms) => Math.abs(ms - at) < nearMs);
  return starts.toSorted((a, b) => Math.abs(a - at) - Math.abs(b - at))[0] ?? null;
}
/** Whether there is sound of the agent for at least half of the time of an entry. */
function isSounding({ startedAt, endedAt }: Entry, evidence: Evidence): boolean {
  const [from, to] = [startedAt, endedAt].map((at) => Date.parse(at) - beginOf(evidence)) as [number, number];
  const ms = evidence.sides.system.reduce((sum, { startMs, endMs }) => sum + Math.max(0, Math.min(to, endMs) - Math.max(from, startMs)), 0);
  return ms >= (to - from) / 2;
}
/** The sentence stops, resumes at the word in which it stopped, and is heard to its end. */
async function isResumed({ text, isInterrupted }: Entry, stopped: Sound, { sides, spoken }: Evidence): Promise<Failure> {
  if (isInterrupted) return `interrupted for good: ${text}`;
  const next = sides.system.find(({ startMs }) => startMs > stopped.endMs);
  if (next === undefined) return 'the agent did not resume';
  const sentence = await spoken(text);
  const piece = (endMs: number): Int16Array => sides.systemSamples.subarray(Math.max(0, (endMs - pieceMs) * perMs), endMs * perMs);
  const before = placeOf(piece(stopped.endMs - frameMs), sentence);
  const after = placeOf(piece(next.startMs + frameMs + pieceMs), sentence);
  if (before === null || after === null) return `${before === null ? 'what was heard before' : 'what was heard after'} is not the sentence`;
  const [stoppedAt, resumedAt] = [before + pieceMs + frameMs, after - frameMs];
  if (resumedAt > stoppedAt + frameMs) return `${Math.round(resumedAt - stoppedAt)} ms of the sentence were skipped`;
  if (resumedAt < stoppedAt - longestWordMs) return `${Math.round(stoppedAt - resumedAt)} ms of the sentence were repeated`;
  const rest = sides.systemSamples.subarray(next.startMs * perMs);
  const end = placeOf(sentence.subarray(sentence.length - lastMs * perMs, sentence.length - (lastMs - pieceMs) * perMs), rest);
  return end === null ? 'the end of the sentence was not heard' : null;
}
/** Where a piece of speech begins, ms; null if it is missing. */
function placeOf(piece: Int16Array, whole: Int16Array): number | null {
  const found = find(piece, whole, 0, whole.length);
  return found.likeness < likeness ? null : found.at / perMs;
}
/** Whether most short pieces of a speech occur in order at the end of the recording; a jitter buffer shifts each slightly. */
function isHeard(speech: Int16Array, whole: Int16Array): boolean {
  const end = whole.subarray(Math.max(0, whole.length - endMs * perMs));
  const offsets: (number | null)[] = [];
  for (let ms = 0; (ms + shortMs) * perMs <= speech.length; ms += everyMs) {
    const at = placeOf(speech.subarray(ms * perMs, (ms + shortMs) * perMs), end);
    offsets.push(at === null ? null : at - ms);
  }
  const found = offsets.filter((offset) => offset !== null).toSorted((a, b) => a - b);
  const middle = found[Math.floor(found.length / 2)] ?? Number.NaN;
  return found.filter((offset) => Math.abs(offset - middle) < movedMs).length > offsets.length / 2;
}
