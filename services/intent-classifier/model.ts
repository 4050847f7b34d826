/** The local model: one 8-bit weight per bucket and intent, and a calibration of its confidence. */
import { z } from 'zod';
import { Intent } from '../../contracts/intents.ts';
import { buckets, type Features, featuresOf } from './features.ts';

export type IntentName = z.output<typeof Intent>;
export const intentNames: readonly IntentName[] = Intent.options;

/** Below it another intent may be more likely than the chosen one. */
export const leastCertain = 0.5;

const PerIntent = z.array(z.number()).length(intentNames.length);
/** The file written by `polyb intents train`. */
export const ModelFile = z.strictObject({
  intents: z.array(Intent).length(intentNames.length),
  /** SHA-256 of the lines and the code it was trained from. */
  trainedOn: z.string().regex(/^[0-9a-f]{64}$/),
  /** Divides the scores, so that the confidence matches the share of correct answers. */
  temperature: z.number().positive(),
  /** Confidence below which an intent is not certain. */
  thresholds: z.record(Intent, z.number().min(leastCertain).max(1)),
  bias: PerIntent,
  /** A weight is its eight bits times the step of its intent. */
  step: PerIntent,
  /** Base64 of signed bytes: for each bucket one per intent. */
  weights: z.base64().max(4 * Math.ceil((buckets * intentNames.length) / 3)),
});
export type ModelFile = z.output<typeof ModelFile>;

export interface Guess {
  readonly intent: IntentName;
  readonly confidence: number;
  /** Whether the confidence reaches the threshold of the intent. */
  readonly isCertain: boolean;
}
export type LocalModel = (text: string) => Guess;

export function localModel(file: ModelFile): LocalModel {
  const weights = new Int8Array(Buffer.from(file.weights, 'base64'));
  if (weights.length !== buckets * intentNames.length)
    throw new TypeError(`the model has ${weights.length} weights, expected ${buckets * intentNames.length}; train it again`);
  const scale = file.step.map((step) => step / file.temperature);
  const offset = file.bias.map((bias) => bias / file.temperature);
  return (text) => {
    const chances = softmax(scores(featuresOf(text), weights, scale, offset));
    const best = indexOfLargest(chances);
    const intent = intentNames[best] as IntentName; // One probability per intent.
    const confidence = chances[best] ?? 0;
    return { intent, confidence, isCertain: confidence >= (file.thresholds[intent] ?? 1) };
  };
}

/** One score per intent: the weights of the present features, times `scale`, plus `offset`. */
export function scores(
  { at, weight }: Features,
  weights: Int8Array | Float64Array,
  scale: readonly number[],
  offset: readonly number[],
): readonly number[] {
  const width = offset.length;
  const sums = new Float64Array(width);
  for (let feature = 0; feature < at.length; feature += 1) {
    const row = (at[feature] as number) * width;
    const value = weight[feature] as number;
    for (let each = 0; each < width; each += 1) sums[each] = (sums[each] as number) + value * (weights[row + each] as number);
  }
  return offset.map((start, each) => start + (sums[each] as number) * (scale[each] ?? 1));
}

export function softmax(given: readonly number[]): readonly number[] {
  const top = Math.max(...given);
  const raised = given.map((each) => Math.exp(each - top));
  const sum = raised.reduce((total, each) => total + each, 0);
  return raised.map((each) => each / sum);
}

export function indexOfLargest(given: readonly number[]): number {
  return given.reduce((best, each, index) => (each > (given[best] ?? Number.NEGATIVE_INFINITY) ? index : best), 0);
}
