/**
 * Voices of callers, different from the agent's: recordings of a human (Debian's festvox-ru), and festival, which speaks with units of
 * them.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { rateHz } from '../../media/audio/g711.ts';
import { resample } from '../../media/audio/resample.ts';
import { readWav } from '../../media/audio/wav.ts';
import { msOf, type Sound, type Stretch, shortestPauseMs, spread, trimmed } from './sound.ts';

/** Speech of callers: texts without pauses, and whole recordings by number. */
export interface Callers {
  speak(text: string): Sound;
  readonly recordings: number;
  recording(nth: number): Sound;
}
const voice = '/usr/share/festival/voices/russian/msu_ru_nsh_clunits';
const cache = join(import.meta.dirname, '../../.polyb/talk-eval');
const fileOf = (text: string): string => join(cache, `${createHash('sha256').update(text).digest('hex').slice(0, 16)}.wav`);

export const hasVoices = (): boolean => existsSync(`${voice}/wav`) && existsSync('/usr/bin/festival');

/**
 * The recordings alternate between those played to the agent and those its rules were learned from.
 * @param texts all texts for `speak`, synthesized once and cached
 */
export async function humanCallers(
  texts: Iterable<string>,
  signal: AbortSignal,
  half: 'judging' | 'teaching' = 'judging',
): Promise<Callers> {
  mkdirSync(cache, { recursive: true });
  const missing = [...new Set(texts)].filter((text) => !existsSync(fileOf(text)));
  if (missing.length > 0) {
    const lines = missing.map(
      (text) => `(utt.save.wave (utt.synth (Utterance Text "${text.replaceAll('"', '')}")) "${fileOf(text)}" 'riff)`,
    );
    const script = join(cache, 'speak.scm');
    writeFileSync(script, ['(voice_msu_ru_nsh_clunits)', ...lines].join('\n'));
    await promisify(execFile)('festival', ['-b', script], { signal, maxBuffer: 1 << 24 });
  }
  const spoken = new Map<string, Sound>();
  const lines = readFileSync(`${voice}/etc/txt.done.data`, 'utf8').matchAll(/^\( (\S+) "(.*)" \)$/gm);
  const texts_ = new Map([...lines].map(([, name, text]) => [name, text] as const));
  const names = readdirSync(`${voice}/lab`)
    .map((file) => file.replace('.lab', ''))
    .filter((name) => texts_.has(name))
    .toSorted()
    .filter((_, nth) => nth % 2 === (half === 'teaching' ? 0 : 1));
  return {
    speak(text) {
      let sound = spoken.get(text);
      if (sound === undefined) {
        const samples = trimmed(phoneOf(readFileSync(fileOf(text))));
        sound = { samples, words: spread(text, 0, msOf(samples)), pauses: [] };
        spoken.set(text, sound);
      }
      return sound;
    },
    recordings: names.length,
    recording(nth) {
      const name = names[nth] as string;
      return recordingOf(
        readFileSync(`${voice}/wav/${name}.wav`),
        readFileSync(`${voice}/lab/${name}.lab`, 'latin1'),
        texts_.get(name) ?? '',
      );
    },
  };
}
function phoneOf(file: Uint8Array): Int16Array {
  const { samples, rateHz: fromHz } = readWav(file);
  return resample(samples, fromHz, rateHz);
}
/** @param labels one line per phone: its end in seconds, a number, its name; `pau` is a pause */
function recordingOf(file: Uint8Array, labels: string, text: string): Sound {
  const speech: Stretch[] = [];
  const pauses: Stretch[] = [];
  let at = 0;
  for (const [, end = '', phone = ''] of labels.matchAll(/^\s*([\d.]+)\s+\d+\s+(\S+)/gm)) {
    const stretch = { from: at, to: Number(end) * 1_000 };
    at = stretch.to;
    const list = phone === 'pau' ? pauses : speech;
    const last = list.at(-1);
    if (last?.to === stretch.from) list[list.length - 1] = { from: last.from, to: stretch.to };
    else list.push(stretch);
  }
  const [begin, end] = [speech[0]?.from ?? 0, speech.at(-1)?.to ?? 0];
  const samples = phoneOf(file).subarray((begin * rateHz) / 1_000, (end * rateHz) / 1_000);
  const shifted = (each: Stretch): Stretch => ({ from: each.from - begin, to: each.to - begin });
  // The transcript has a comma at each pause of the speaker. If they disagree, the words are spread over the whole speech.
  const breaths = text.split(/[,;:.!?…]+(?:\s*-)?/).filter((part) => /\p{L}/u.test(part));
  const words =
    breaths.length === speech.length
      ? speech.flatMap((each, nth) => spread(breaths[nth] ?? '', each.from - begin, each.to - begin))
      : spreadOver(text, speech.map(shifted));
  const inner = pauses.filter(({ from, to }) => from >= begin && to <= end && to - from >= shortestPauseMs);
  return { samples, words, pauses: inner.map(shifted) };
}
function spreadOver(text: string, speech: readonly Stretch[]) {
  const total = speech.reduce((sum, { from, to }) => sum + to - from, 0);
  /** Converts a time of speech to a time of the recording. */
  const placed = (ms: number): number => {
    let left = ms;
    for (const { from, to } of speech) {
      if (left <= to - from) return from + left;
      left -= to - from;
    }
    return speech.at(-1)?.to ?? 0;
  };
  return spread(text, 0, total).map((word) => ({ ...word, from: placed(word.from + 1), to: placed(word.to) }));
}
