/** Writes the takes of the built-in phrases: `node scripts/learn-phrases.ts`, after a change of adapters/asr/phrases/ru.ts. It takes minutes. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { normalized } from '../adapters/asr/phrases/dtw.ts';
import { dimensions, speechFeatures } from '../adapters/asr/phrases/features.ts';
import { ruPhrases } from '../adapters/asr/phrases/ru.ts';
import { writeTakes } from '../adapters/asr/phrases/takes-file.ts';
import { takeRate, takesOf } from '../adapters/asr/phrases/vocabulary.ts';
import { espeak, espeakSettings } from '../adapters/tts/espeak.ts';

const voice = espeak(espeakSettings.parse({}), takeRate);
const features = await speechFeatures();
const spoken = new Map<string, readonly Float32Array[]>();
for (const phrase of ruPhrases) {
  const takes: Float32Array[] = [];
  for (const take of await takesOf(phrase, 'ru-RU', voice, AbortSignal.timeout(60_000))) takes.push(await features.of(take));
  spoken.set(phrase, takes);
}
const mean = new Float32Array(dimensions);
const all = [...spoken.values()].flat();
const count = all.reduce((sum, { length }) => sum + length, 0) / dimensions;
for (const take of all) for (const [nth, value] of take.entries()) mean[nth % dimensions] = (mean[nth % dimensions] ?? 0) + value / count;
const phrases = new Map([...spoken].map(([phrase, takes]) => [phrase, takes.map((take) => normalized(take, mean))]));
const file = join(import.meta.dirname, '..', 'adapters', 'asr', 'phrases', 'ru.takes');
await writeFile(file, writeTakes({ mean, phrases }));
