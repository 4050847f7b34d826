/** Trains the local model: multinomial logistic regression by AdaGrad. The same lines give the same file. */

import { seededRandom } from '../../contracts/kit/seeded-random.ts';
import type { Line } from './dataset.ts';
import { buckets, type Features, featuresOf } from './features.ts';
import { indexOfLargest, intentNames, leastCertain, type ModelFile, scores, softmax } from './model.ts';

/** Found by cross-validation over scenarios; no value here was chosen by looking at the test lines. */
const recipe = {
  epochs: 12,
  rate: 0.2,
  decay: 1e-4,
  seed: 20_26,
  folds: 5,
  /** Required accuracy of certain answers. */
  precision: 0.9,
  /** Of the lines without intent, the share that one intent may claim with certainty; six of them share the 5 % allowed. */
  alarms: 0.006,
};
const width = intentNames.length;
const { sqrt } = Math; // Read once: it is used a hundred million times.
const none = intentNames.indexOf('none');

interface Example {
  readonly features: Features;
  readonly label: number;
  readonly scenario: string;
}
interface Weights {
  readonly weights: Float64Array;
  readonly bias: readonly number[];
}

/** @param trainedOn later shows whether the file still matches this code and these lines; see model-file.ts. */
export function train(lines: readonly Line[], trainedOn: string): ModelFile {
  const examples = lines.map(
    ({ text, intent, scenario }): Example => ({ features: featuresOf(text), label: intentNames.indexOf(intent), scenario }),
  );
  const unseen = crossValidate(examples);
  const temperature = bestTemperature(unseen);
  const { weights, bias } = learn(examples);
  const step = Array.from({ length: width }, (_, intent) => largest(weights, intent) / 127);
  return {
    intents: [...intentNames],
    trainedOn,
    temperature: rounded(temperature),
    thresholds: thresholdsOf(unseen, temperature),
    bias: bias.map(rounded),
    step: step.map(rounded),
    weights: Buffer.from(Int8Array.from(weights, (weight, index) => Math.round(weight / (step[index % width] || 1))).buffer).toString(
      'base64',
    ),
  };
}

interface ScoredExample {
  readonly scores: readonly number[];
  readonly label: number;
}
/** Each example scored by a model that was trained without its scenario. */
function crossValidate(examples: readonly Example[]): readonly ScoredExample[] {
  const scenarios = [...new Set(examples.map(({ scenario }) => scenario))];
  const foldOf = new Map(scenarios.map((scenario, index) => [scenario, index % recipe.folds]));
  return Array.from({ length: Math.min(recipe.folds, scenarios.length) }, (_, fold) => {
    const isHeldOut = ({ scenario }: Example) => foldOf.get(scenario) === fold;
    const learnt = learn(examples.filter((example) => !isHeldOut(example)));
    return examples.filter(isHeldOut).map(({ features, label }) => ({ scores: judge(learnt, features), label }));
  }).flat();
}

const ones = new Array<number>(width).fill(1);
const judge = ({ weights, bias }: Weights, features: Features) => scores(features, weights, ones, bias);

function learn(examples: readonly Example[]): Weights {
  const weights = new Float64Array(buckets * width);
  const seen = new Float64Array(buckets * width);
  const bias = new Float64Array(width);
  const biasSeen = new Float64Array(width);
  const next = seededRandom(recipe.seed);
  for (let epoch = 0; epoch < recipe.epochs; epoch += 1)
    for (const { features, label } of shuffled(examples, next)) {
      const chances = softmax(judge({ weights, bias: [...bias] }, features));
      for (let intent = 0; intent < width; intent += 1) {
        const error = (chances[intent] ?? 0) - (intent === label ? 1 : 0);
        move(bias, biasSeen, intent, error);
        for (let feature = 0; feature < features.at.length; feature += 1) {
          const index = (features.at[feature] as number) * width + intent;
          move(weights, seen, index, error * (features.weight[feature] as number) + recipe.decay * (weights[index] as number));
        }
      }
    }
  return { weights, bias: [...bias] };
}

function move(values: Float64Array, seen: Float64Array, index: number, slope: number): void {
  const sum = (seen[index] as number) + slope * slope;
  seen[index] = sum;
  if (sum > 0) values[index] = (values[index] as number) - (recipe.rate * slope) / sqrt(sum);
}

/** The temperature that maximises the likelihood of the held-out labels. */
function bestTemperature(judged: readonly ScoredExample[]): number {
  const loss = (temperature: number) =>
    judged.reduce((sum, { scores, label }) => sum - Math.log(softmax(scores.map((score) => score / temperature))[label] || 1e-12), 0);
  let [low, high] = [0.2, 10];
  for (let step = 0; step < 60; step += 1) {
    const [left, right] = [low + (high - low) / 3, high - (high - low) / 3];
    if (loss(left) < loss(right)) high = right;
    else low = left;
  }
  return (low + high) / 2;
}

/** For each intent the lowest confidence from which held-out answers were accurate enough, and small talk was not claimed. */
function thresholdsOf(judged: readonly ScoredExample[], temperature: number): ModelFile['thresholds'] {
  const answers = judged.map(({ scores, label }) => {
    const chances = softmax(scores.map((score) => score / temperature));
    const best = indexOfLargest(chances);
    return { best, confidence: chances[best] ?? 0, isRight: best === label, isAlarm: label === none && best !== none };
  });
  const allowed = Math.floor(recipe.alarms * judged.filter(({ label }) => label === none).length);
  const threshold = (intent: number): number => {
    const own = answers.filter(({ best }) => best === intent).sort((a, b) => b.confidence - a.confidence);
    let [right, alarms, lowest] = [0, 0, 1];
    own.forEach(({ confidence, isRight, isAlarm }, index) => {
      if (isRight) right += 1;
      if (isAlarm) alarms += 1;
      if (right / (index + 1) >= recipe.precision && alarms <= allowed) lowest = confidence;
    });
    return Math.max(leastCertain, Math.ceil(lowest * 1000) / 1000);
  };
  return Object.fromEntries(intentNames.map((name, index) => [name, threshold(index)])) as ModelFile['thresholds'];
}

function largest(weights: Float64Array, intent: number): number {
  let found = 0;
  for (let index = intent; index < weights.length; index += width) found = Math.max(found, Math.abs(weights[index] as number));
  return found;
}

function shuffled<T>(given: readonly T[], next: () => number): readonly T[] {
  const order = [...given];
  for (let last = order.length - 1; last > 0; last -= 1) {
    const other = Math.floor(next() * (last + 1));
    [order[last], order[other]] = [order[other] as T, order[last] as T];
  }
  return order;
}

const rounded = (value: number) => Number(value.toPrecision(8));
