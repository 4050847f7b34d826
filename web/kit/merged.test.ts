import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { RequestError } from './api.ts';
import { createMerged, type Dated, type Source } from './merged.ts';

/** Newest first, in pages of a size. */
function sourceOf(name: string, entries: readonly Dated[], size: number): Source<Dated> {
  const sorted = entries.toSorted((a, b) => (a.at < b.at ? 1 : -1));
  return {
    name,
    async load({ cursor }) {
      const from = Number(cursor ?? 0);
      return { items: sorted.slice(from, from + size), nextCursor: from + size < sorted.length ? String(from + size) : null };
    },
  };
}
const timeOf = (minute: number): string => new Date(minute * 60_000).toISOString();
const idsOf = (entries: readonly Dated[]): readonly string[] => entries.map(({ id }) => id);

test('at every step the line is a beginning of all entries in order, and at the end it is all of them', async () => {
  const lists = fc.array(fc.array(fc.nat(50), { maxLength: 12 }), { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(lists, fc.integer({ min: 1, max: 5 }), async (minutes, size) => {
      const of = minutes.map((list, nth) => list.map((minute, n): Dated => ({ id: `${nth}-${n}`, at: timeOf(minute) })));
      const merged = createMerged(of.map((list, nth) => sourceOf(`s${nth}`, list, size)));
      const all = of.flat().toSorted((a, b) => (a.at === b.at ? (a.id < b.id ? 1 : -1) : a.at < b.at ? 1 : -1));
      await merged.refresh();
      for (let n = 0; n < 100 && merged.hasMore.value; n += 1) {
        const times = merged.items.value.map(({ at }) => at);
        expect(times).toEqual(all.slice(0, times.length).map(({ at }) => at));
        const before = times.length;
        await merged.more();
        expect(merged.items.value.length).toBeGreaterThanOrEqual(before);
      }
      expect(idsOf(merged.items.value)).toEqual(idsOf(all));
    }),
    { numRuns: 100 },
  );
});

test('a source that fails is named, the others are shown, and reading again shows it', async () => {
  let isAway = true;
  const away: Source<Dated> = {
    name: 'crm',
    async load() {
      if (isAway) throw new RequestError(503, { code: 'unavailable' });
      return { items: [{ id: 'lead', at: timeOf(5) }], nextCursor: null };
    },
  };
  const merged = createMerged([sourceOf('chats', [{ id: 'message', at: timeOf(1) }], 5), away]);
  expect(merged.isLoading.value).toBe(true);
  await merged.refresh();
  expect([idsOf(merged.items.value), merged.failures.value.map(({ name, error }) => [name, error.code])]).toEqual([
    ['message'],
    [['crm', 'unavailable']],
  ]);
  isAway = false;
  await merged.refresh();
  expect([idsOf(merged.items.value), merged.failures.value]).toEqual([['lead', 'message'], []]);
});

test('reading again keeps the earlier pages that were read, unless entries between may be missing', async () => {
  const entries = Array.from({ length: 10 }, (_, n): Dated => ({ id: `e${n}`, at: timeOf(n) }));
  const all = [...entries];
  const merged = createMerged([{ name: 'chats', load: (page) => sourceOf('chats', all, 3).load(page) }]);
  await merged.refresh();
  await merged.more();
  expect(idsOf(merged.items.value)).toEqual(['e9', 'e8', 'e7', 'e6', 'e5', 'e4']);
  all.push({ id: 'new', at: timeOf(20) });
  await merged.refresh();
  expect(idsOf(merged.items.value)).toEqual(['new', 'e9', 'e8', 'e7', 'e6', 'e5', 'e4']);
  all.push(...[21, 22, 23, 24].map((n) => ({ id: `new${n}`, at: timeOf(n) })));
  await merged.refresh();
  expect(idsOf(merged.items.value)).toEqual(['new24', 'new23', 'new22']);
});
