/** The thread of the ear: models and comparisons, which would delay the calls of the main thread. */
import { readFile } from 'node:fs/promises';
import { parentPort } from 'node:worker_threads';
import { speechFeatures } from './features.ts';
import { createMatcher, type Match } from './matcher.ts';
import { readTakes } from './takes-file.ts';

export type Order =
  | { readonly do: 'learn'; readonly phrase: string; readonly takes: readonly Int16Array[] }
  | { readonly do: 'forget'; readonly phrase: string }
  | { readonly do: 'match'; readonly speech: Int16Array; readonly phrases: readonly string[] };
export type Question = Order & { readonly id: number };
export type Answer = { readonly id: number; readonly match: Match | null } | { readonly id: number; readonly failed: string };

if (parentPort === null) throw new TypeError('this is the program of a thread');
const port = parentPort;
const matcher = (async () => {
  const { mean, phrases } = readTakes(await readFile(new URL('./ru.takes', import.meta.url)));
  return createMatcher(await speechFeatures(), phrases, mean);
})();
/** One at a time: the models are not reentrant. */
let last: Promise<unknown> = matcher.catch(() => {});
port.on('message', (question: Question) => {
  last = last.then(async () => {
    try {
      const match = await act(question);
      port.postMessage({ id: question.id, match } satisfies Answer);
    } catch (thrown) {
      port.postMessage({ id: question.id, failed: thrown instanceof Error ? thrown.message : String(thrown) } satisfies Answer);
    }
  });
});

async function act(order: Order): Promise<Match | null> {
  const at = await matcher;
  switch (order.do) {
    case 'learn':
      await at.learn(order.phrase, order.takes);
      return null;
    case 'forget':
      at.forget(order.phrase);
      return null;
    case 'match':
      return await at.nearest(order.speech, order.phrases);
  }
}
