/**
 * Likeness of a sentence to the claims of the development corpus: naive Bayes over stems and pairs of stems. It finds claims in words
 * that no row of `acts.ts` has.
 */
import { type Act, type ActKind, when } from './acts.ts';
import { claims, harmless } from './corpus.dev.ts';
import { claimWords, type Sentence, sentencesOf } from './normal-form.ts';

type Kind = keyof typeof claims;
interface Counts {
  readonly of: ReadonlyMap<string, number>;
  readonly total: number;
}
/** Log odds against harmless from which a sentence counts as a claim. By leave-one-out over the corpus. */
const leastOdds = 7;
/** A sentence that asks, denies or supposes is left to the grammar. */
const isOpen = /(?<!\p{L})(?:не|нет|ни|если|чтобы|бы|можно|можете|хотите|давайте|могу|или|not|if|would|can|could)(?!\p{L})|n't/u;

const kindOf: Readonly<Record<Kind, ActKind>> = {
  booked: 'booked',
  moved: 'moved',
  cancelled: 'cancelled',
  called: 'called',
  passed_on: 'passed_on',
  promise: 'checked',
};

/** Numbers, days and foreign words are alike in claims and in offers. */
const isTelling = new RegExp(`^(?!${when}$)[а-я]`, 'u');

let model: { readonly harmless: Counts; readonly kinds: readonly (readonly [Kind, Counts])[]; readonly size: number } | null = null;
const read = () => {
  const kinds = Object.entries(claims).map(([kind, lines]) => [kind as Kind, count(lines)] as const);
  const plain = count(harmless);
  return { harmless: plain, kinds, size: new Set([...plain.of.keys(), ...kinds.flatMap(([, { of }]) => [...of.keys()])]).size };
};

/** A claim in words that are likely in claims only, or null. */
export function likelyClaim(sentence: Sentence): Act | null {
  if (sentence.isQuestion || isOpen.test(sentence.plain)) return null;
  const { kind, odds } = nearest(sentence);
  return odds >= leastOdds ? { kind: kindOf[kind], when: kind === 'promise' ? 'coming' : 'done', at: 0 } : null;
}

/** The likeliest kind of a sentence that is a claim of something done. */
export function nearestKind(sentence: Sentence): ActKind {
  const { kind } = nearest(sentence);
  return kind === 'promise' ? 'passed_on' : kindOf[kind];
}

function nearest(sentence: Sentence): { readonly kind: Kind; readonly odds: number } {
  model ??= read();
  const { kinds, size, harmless: other } = model;
  const features = featuresOf(sentence).filter((each) => other.of.has(each) || kinds.some(([, { of }]) => of.has(each)));
  return kinds
    .map(([kind, counts]) => ({ kind, odds: oddsOf(features, counts, other, size) }))
    .reduce((best, each) => (each.odds > best.odds ? each : best));
}

function oddsOf(features: readonly string[], claim: Counts, other: Counts, size: number): number {
  const chance = ({ of, total }: Counts, feature: string) => ((of.get(feature) ?? 0) + 0.5) / (total + size / 2);
  return features.reduce((sum, each) => sum + Math.log(chance(claim, each) / chance(other, each)), 0);
}

function count(lines: readonly string[]): Counts {
  const of = new Map<string, number>();
  let total = 0;
  for (const feature of lines.flatMap((line) => sentencesOf(line).flatMap(featuresOf))) {
    of.set(feature, (of.get(feature) ?? 0) + 1);
    total += 1;
  }
  return { of, total };
}

/** Of Russian words: five letters unite most of their forms, the ending keeps the tense. */
function featuresOf({ plain }: Sentence): readonly string[] {
  const words = claimWords(plain).flatMap((word) => (isTelling.test(word) ? [word] : []));
  const stems = words.map((word) => word.slice(0, 5));
  return [...stems, ...words.map((word) => `-${word.slice(-3)}`), ...stems.slice(1).map((stem, at) => `${stems[at]} ${stem}`)];
}
