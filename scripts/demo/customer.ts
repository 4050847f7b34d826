/** The lines and the voice of the demo's customer. */
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Temporal } from 'temporal-polyfill';
import { resample } from '../../media/audio/resample.ts';
import { readWav, wavFile } from '../../media/audio/wav.ts';
import salon from '../../services/crm-connector/salon.json' with { type: 'json' };
import { onPath } from '../infra/find-program.ts';

const run = promisify(execFile);
const rateHz = 8_000;
const weekdays = ['понедельник', 'вторник', 'среду', 'четверг', 'пятницу', 'субботу', 'воскресенье'];
const tomorrow = (): string => weekdays[Temporal.Now.plainDateISO(salon.timeZone).add({ days: 1 }).dayOfWeek - 1] ?? '';
const says = (): readonly string[] => [
  'запишите меня на стрижку',
  // After midnight, `завтра` may be the day that has just begun, and the agent would ask.
  `на ${tomorrow()}`,
  'давайте первое',
  'меня зовут иван',
  'да подтверждаю',
  'спасибо до свидания',
];
/** Silence after each line: at the end of its file baresip hangs up. */
const silenceS = 90;

export interface Customer {
  /** A description of the voice, for display. */
  readonly voice: string;
  readonly lines: readonly Line[];
}
export interface Line {
  /** A WAV file, with silence after the line. */
  readonly file: string;
  /** How long the line takes. */
  readonly ms: number;
}
/** Writes the lines to `dir`; null if no voice is installed. */
export async function speakLines(dir: string): Promise<Customer | null> {
  const human = onPath('text2wave') !== null && (await recordedVoice());
  if (!human && onPath('espeak-ng') === null) return null;
  const lines: Line[] = [];
  for (const [nth, text] of says().entries()) {
    const file = join(dir, `line-${nth}.wav`);
    if (human) {
      const speaking = run('text2wave', ['-eval', '(voice_msu_ru_nsh_clunits)', '-o', file]);
      speaking.child.stdin?.end(text);
      await speaking;
    } else await run('espeak-ng', ['-v', 'ru+f4', '-w', file, text]);
    const spoken = readWav(await readFile(file));
    const samples = resample(spoken.samples, spoken.rateHz, rateHz);
    const all = new Int16Array(samples.length + silenceS * rateHz);
    all.set(samples);
    await writeFile(file, wavFile({ rateHz, channels: 1 }, all));
    lines.push({ file, ms: (samples.length * 1_000) / rateHz });
  }
  return { voice: human ? 'a man’s recordings (festival, festvox-ru)' : 'espeak-ng, voice f4', lines };
}
async function recordedVoice(): Promise<boolean> {
  const { stdout } = await run('festival', ['-b', '(print (voice.list))']).catch(() => ({ stdout: '' }));
  return stdout.includes('msu_ru_nsh_clunits');
}
