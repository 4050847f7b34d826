/** The trained model in this folder, and whether it matches the lines and the code. */
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { PolybError } from '../../contracts/kit/errors.ts';
import { type Line, readLines, readUrgencyLines, type UrgencyLine } from './dataset.ts';
import { type LocalModel, localModel, ModelFile } from './model.ts';
import { train } from './train.ts';

const at = (name: string) => new URL(name, import.meta.url);
const modelFile = at('./model.json');
/** A change in any of these requires training. */
const sources = ['./dataset/train.jsonl', '../../contracts/kit/cyrillic.ts', './features.ts', './markers.ts', './train.ts'];

export async function ownLines(split: 'train' | 'test' | 'held'): Promise<readonly Line[]> {
  return readLines(await readFile(at(`./dataset/${split}.jsonl`), 'utf8'));
}

export async function urgencyLines(): Promise<readonly UrgencyLine[]> {
  return readUrgencyLines(await readFile(at('./dataset/urgency.jsonl'), 'utf8'));
}

export async function readModel(): Promise<LocalModel> {
  return localModel(await readModelFile());
}

export async function readModelFile(): Promise<ModelFile> {
  const file = ModelFile.safeParse(JSON.parse(await readFile(modelFile, 'utf8')));
  if (!file.success)
    throw new PolybError('internal', 'services/intent-classifier/model.json is not a model; create it again: polyb intents train.', {
      cause: file.error,
    });
  return file.data;
}

/** Writes the model. False when the file is current: training again would give the same. */
export async function trainModel(): Promise<boolean> {
  if (await isCurrent()) return false;
  const written = JSON.stringify(train(await ownLines('train'), await digest()), null, 2);
  // Lists on one line each, as the formatter of the project writes them.
  const formatted = written.replace(/\[[^[\]]*\]/g, (list) => list.replace(/\s+/g, ' ').replace('[ ', '[').replace(' ]', ']'));
  await writeFile(modelFile, `${formatted}\n`);
  return true;
}

export async function isCurrent(): Promise<boolean> {
  const given = await readFile(modelFile, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  const file = given === null ? null : (JSON.parse(given) as { trainedOn?: unknown });
  return file?.trainedOn === (await digest());
}

async function digest(): Promise<string> {
  const hash = createHash('sha256');
  for (const source of sources) hash.update(await readFile(at(source)));
  return hash.digest('hex');
}
