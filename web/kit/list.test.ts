import { expect, test } from '@jest/globals';
import { RequestError } from './api.ts';
import type { Page } from './csv.ts';
import { createList } from './list.ts';
import type { LiveItem } from './live.ts';

interface Row {
  readonly id: string;
  readonly text: string;
}
/** A list of texts, the requests that wait for their page, and what the stream would call. */
function listOf() {
  const asked: PromiseWithResolvers<Page<Row>>[] = [];
  const told: { change?: (item: LiveItem) => void; gap?: () => void } = {};
  const list = createList<Row>(
    {
      load: () => {
        const page = Promise.withResolvers<Page<Row>>();
        asked.push(page);
        return page.promise;
      },
      idOf: ({ id }) => id,
      live: {
        topic: 'rows',
        apply: (item, { text }) => (text === null ? null : { ...item, text: String(text) }),
        accepts: ({ text }) => text !== null,
      },
    },
    {
      on: (_topic, changed) => {
        told.change = changed;
        return () => {};
      },
      onGap: (missed) => {
        told.gap = () => missed(false);
        return () => {};
      },
    },
  );
  const comes = async (...texts: readonly string[]): Promise<void> => {
    const request = asked.at(-1);
    request?.resolve({ items: texts.map((text) => ({ id: text.slice(0, 1), text })), nextCursor: null });
    await request?.promise;
    await new Promise((resolve) => setImmediate(resolve));
  };
  const texts = () => list.items.value.map(({ text }) => text);
  return { list, asked, told, comes, texts };
}

test.each([
  ['for the first time', 0],
  ['again after a gap', 1],
])('what changes while a list is read %s is shown, though the reply is older', async (_when, gaps) => {
  const { list, told, comes, texts } = listOf();
  if (gaps > 0) {
    await comes('a', 'b', 'c');
    told.gap?.();
  }
  told.change?.({ id: 'a', text: 'a2' });
  told.change?.({ id: 'b', text: null });
  told.change?.({ id: 'd', text: 'd' });
  await comes('a', 'b', 'c');
  expect([texts(), list.fresh.value, list.focusedId.value]).toEqual([['a2', 'c'], 1, 'a']);
});

test('what changed before a list was read again is not applied to what was read', async () => {
  const { list, told, comes, texts } = listOf();
  await comes('a');
  told.change?.({ id: 'a', text: 'a2' });
  told.change?.({ id: 'd', text: 'd' });
  told.gap?.();
  await comes('a3', 'd');
  expect([texts(), list.fresh.value]).toEqual([['a3', 'd'], 0]);
});

test('a failure to read a list again takes no row away and is said, until it succeeds', async () => {
  const { list, asked, told, comes, texts } = listOf();
  await comes('a', 'b');
  told.gap?.();
  asked.at(-1)?.reject(new RequestError(503, { code: 'unavailable' }));
  await new Promise((resolve) => setImmediate(resolve));
  told.change?.({ id: 'b', text: 'b2' });
  expect([texts(), list.shown.value]).toMatchObject([['a', 'b2'], { kind: 'ready', error: { status: 503 } }]);
  told.gap?.();
  await comes('c');
  expect([texts(), (list.shown.value as { error?: unknown }).error]).toEqual([['c'], undefined]);
});

test('of two readings the later one counts', async () => {
  const { asked, told, comes, texts } = listOf();
  told.gap?.();
  asked[0]?.resolve({ items: [{ id: 'a', text: 'old' }], nextCursor: null });
  await comes('a new');
  expect(texts()).toEqual(['a new']);
});

test('a row that comes into an empty list is read at once, since it moves nothing under the eyes of a reader', async () => {
  const { list, asked, told, comes, texts } = listOf();
  await comes();
  told.change?.({ id: 'a', text: null });
  expect(asked).toHaveLength(1);
  told.change?.({ id: 'a', text: 'a' });
  await comes('a');
  expect([texts(), list.fresh.value, list.focusedId.value]).toEqual([['a'], 0, 'a']);
  told.change?.({ id: 'b', text: 'b' });
  expect([asked.length, list.fresh.value]).toEqual([2, 1]);
});
