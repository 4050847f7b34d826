/** `polyb calls transcript`: the words of both sides, with the waterfall of each turn. */
import type { calls } from '../../../contracts/calls.ts';
import type { OutputOf } from '../../../contracts/kit/define.ts';
import { askMethod } from '../../../scripts/cli/kernel/ask.ts';
import type { Invocation } from '../../../scripts/cli/kernel/command.ts';
import { wrongUsage } from '../../../scripts/cli/kernel/failure.ts';
import { wholeRecording } from './audio.ts';
import { recordedWaits } from './recorded-waits.ts';

type Transcript = OutputOf<typeof calls.get_transcript>;
type Entry = Transcript['entries'][number];
type Waterfall = NonNullable<Entry['waterfall']>;

export async function showTranscript(invocation: Invocation): Promise<number> {
  const { args, flags, out, path } = invocation;
  const [callId] = args;
  if (callId === undefined) throw wrongUsage('expected the id of a call', { subject: path, next: ['polyb calls ls'] });
  const transcript = await askMethod<Transcript>(invocation, 'calls.get_transcript', { callId });
  const waits = flags.on('recording') ? waitsIn(await wholeRecording(invocation, callId), transcript) : undefined;
  await out.result(waits === undefined ? transcript : { ...transcript, recordedWaitsMs: waits }, {
    text: () => drawTranscript(transcript, out, waits),
  });
  if (transcript.entries.length === 0) out.note('no agent has spoken in this call');
  return 0;
}

const answersOf = ({ entries }: Transcript): readonly Waterfall[] =>
  entries.flatMap(({ waterfall }) => (waterfall === null ? [] : [waterfall]));

/** As `recordedWaits`, of the answers of a transcript. */
export function waitsIn(wav: Uint8Array, transcript: Transcript): readonly (number | null)[] {
  const answers = answersOf(transcript).map(({ lastSoundAt, heardAt }) => ({
    lastSoundAt: Date.parse(lastSoundAt),
    heardAt: Date.parse(heardAt),
  }));
  const first = transcript.entries.find(({ who }) => who === 'agent')?.startedAt;
  return recordedWaits(wav, answers, Date.parse(first ?? ''));
}

/** Columns of the longest bar. */
const barWidth = 40;
/** The stages of the waterfall, with their names and their marks in the bar. */
const stages: readonly (readonly [to: keyof Waterfall, name: string, mark: string, asciiMark: string])[] = [
  ['wordsAt', 'words', '░', '.'],
  ['turnEndAt', 'silence', '▒', '-'],
  ['sentenceAt', 'answer', '▓', '='],
  ['audioAt', 'voice', '█', '#'],
  ['heardAt', 'line', '◆', '>'],
];

/** @param waits the latency of each answer on the recording */
export function drawTranscript(
  transcript: Transcript,
  { ascii }: Pick<Invocation['out'], 'ascii'>,
  waits: readonly (number | null)[] = [],
): string {
  const { entries } = transcript;
  const [first] = entries;
  if (first === undefined) return '';
  const begin = Date.parse(first.startedAt);
  const turns = waitedMs(transcript);
  const longest = Math.max(1, ...turns);
  const recorded = waits.values();
  const lines = entries.flatMap((entry) => [
    ...(entry.waterfall === null ? [] : [`${drawWaterfall(entry.waterfall, longest, ascii)}${shownWait(recorded.next().value ?? null)}`]),
    `${clock(Date.parse(entry.startedAt) - begin)}  ${entry.who.padEnd(9)} ${entry.text}${entry.isInterrupted ? ' (interrupted)' : ''}`,
  ]);
  const middle = turns.toSorted((a, b) => a - b)[Math.floor(turns.length / 2)];
  const summary = middle === undefined ? [] : [`answers     ${turns.length}, half of them within ${middle} ms after the last sound`];
  const apart = waits.flatMap((wait, nth) => (wait === null ? [] : [Math.abs(wait - (turns[nth] ?? 0))]));
  const held =
    apart.length === 0 ? [] : [`recording   differs by at most ${Math.max(...apart)} ms, in ${apart.length} of ${turns.length} answers`];
  return [...lines, ...summary, ...held, ''].join('\n');
}
/** The latency of each answer by its waterfall. */
export const waitedMs = (transcript: Transcript): readonly number[] => answersOf(transcript).map(waited);
const shownWait = (wait: number | null): string => (wait === null ? '' : `; ${wait} on the recording`);
const waited = ({ lastSoundAt, heardAt }: Waterfall): number => Math.max(0, Date.parse(heardAt) - Date.parse(lastSoundAt));

function drawWaterfall(waterfall: Waterfall, longest: number, ascii: boolean): string {
  let before = Date.parse(waterfall.lastSoundAt);
  const parts = stages.map(([to, name, mark, asciiMark]) => {
    // A stage that had ended before it was needed took no time.
    const ms = Math.max(0, Date.parse(waterfall[to]) - before);
    before += ms;
    return { name, ms, bar: (ascii ? asciiMark : mark).repeat(Math.round((ms / longest) * barWidth)) };
  });
  const shown = parts.filter(({ ms }) => ms > 0).map(({ name, ms }) => `${name} ${ms}`);
  return `         ${parts.map(({ bar }) => bar).join('')} ${waited(waterfall)} ms: ${shown.join(', ')}`;
}
function clock(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  return `${String(Math.floor(seconds / 60)).padStart(2, '0')}:${(seconds % 60).toFixed(1).padStart(4, '0')}`;
}
