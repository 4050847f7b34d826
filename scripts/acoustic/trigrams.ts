/** A trigram language model in the ARPA format of pocketsphinx, with absolute discounting and back-off (Ney, Essen and Kneser, 1994). */

const discount = 0.6;
/** Base-10 logarithm of a probability, with a floor for words that do not occur. */
const logTenth = (share: number): string => Math.log10(Math.max(share, 1e-9)).toFixed(4);
interface Context {
  total: number;
  readonly next: Map<string, number>;
}

/** @param sentences words without `<s>` and `</s>`, which are added */
export function arpaOf(sentences: readonly (readonly string[])[]): string {
  const single: Context = { total: 0, next: new Map() };
  const [pairs, triples] = [new Map<string, Context>(), new Map<string, Context>()];
  const count = (contexts: Map<string, Context>, key: string, word: string): void => {
    const context = contexts.get(key) ?? { total: 0, next: new Map<string, number>() };
    contexts.set(key, context);
    add(context, word);
  };
  for (const words of sentences) {
    const said = ['<s>', ...words, '</s>'];
    for (const [nth, word] of said.entries()) {
      add(single, word);
      if (nth >= 1) count(pairs, said[nth - 1] as string, word);
      if (nth >= 2) count(triples, `${said[nth - 2]} ${said[nth - 1]}`, word);
    }
  }
  const unigram = (word: string): number => (single.next.get(word) ?? 0) / single.total;
  const bigram = (before: string, word: string): number => backedOff(pairs.get(before), word, () => unigram(word));
  const lines = (contexts: Map<string, Context>) =>
    [...contexts].flatMap(([key, context]) => [...context.next].map(([word, times]) => ({ key, context, word, times })));
  const [two, three] = [lines(pairs), lines(triples)];
  return [
    '\\data\\',
    ...[single.next.size, two.length, three.length].map((size, nth) => `ngram ${nth + 1}=${size}`),
    '\n\\1-grams:',
    ...[...single.next.keys()].map((word) => `${logTenth(unigram(word))} ${word} ${logTenth(remainder(pairs.get(word), unigram))}`),
    '\n\\2-grams:',
    ...two.map(
      ({ key, word }) =>
        `${logTenth(bigram(key, word))} ${key} ${word} ${logTenth(remainder(triples.get(`${key} ${word}`), (next) => bigram(word, next)))}`,
    ),
    '\n\\3-grams:',
    ...three.map(
      ({ key, context, word }) =>
        `${logTenth(backedOff(context, word, (next) => bigram(key.split(' ')[1] as string, next)))} ${key} ${word}`,
    ),
    '\n\\end\\\n',
  ].join('\n');
}

function add(context: Context, word: string): void {
  context.total += 1;
  context.next.set(word, (context.next.get(word) ?? 0) + 1);
}
/** The probability mass that discounting leaves for unseen words. */
const left = (context: Context): number => (discount * context.next.size) / context.total;
/** The probability of a word: its discounted count, or its part of the remaining mass. */
function backedOff(context: Context | undefined, word: string, below: (word: string) => number): number {
  if (context === undefined) return below(word);
  const times = context.next.get(word);
  return times === undefined ? remainder(context, below) * below(word) : (times - discount) / context.total;
}
/** The back-off weight: the factor of the shorter context for unseen words. */
function remainder(context: Context | undefined, below: (word: string) => number): number {
  if (context === undefined) return 1;
  let seen = 0;
  for (const word of context.next.keys()) seen += below(word);
  return left(context) / Math.max(1 - seen, 1e-6);
}
