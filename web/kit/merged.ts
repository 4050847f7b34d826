/** Lists of several sources as one line of time, newest first. A source that fails leaves the others. */
import { computed, type ReadonlySignal, signal } from '@preact/signals';
import type { RequestError } from './api.ts';
import type { Page } from './csv.ts';
import { errorOf } from './resource.ts';

export interface Dated {
  readonly id: string;
  /** ISO 8601, UTC. */
  readonly at: string;
}
export interface Source<T extends Dated> {
  readonly name: string;
  /** Newest first. */
  readonly load: (page: { readonly cursor: string | undefined; readonly signal: AbortSignal }) => Promise<Page<T>>;
}
export interface Merged<T> {
  /** Entries that no page still to be read can precede. */
  readonly items: ReadonlySignal<readonly T[]>;
  readonly hasMore: ReadonlySignal<boolean>;
  /** No source has answered yet. */
  readonly isLoading: ReadonlySignal<boolean>;
  readonly failures: ReadonlySignal<readonly { readonly name: string; readonly error: RequestError }[]>;
  /** Reads the first page of every source again; what was read of earlier pages stays where nothing between can be missing. */
  refresh(): Promise<void>;
  /** Reads the next page of the sources that hold the line back. */
  more(): Promise<void>;
  stop(): void;
}
interface Part<T> {
  readonly items: readonly T[];
  /** Null: all was read. */
  readonly next: string | null;
  readonly isRead: boolean;
  readonly error: RequestError | null;
}

export function createMerged<T extends Dated>(sources: readonly Source<T>[]): Merged<T> {
  const parts = sources.map((source) => ({
    source,
    state: signal<Part<T>>({ items: [], next: null, isRead: false, error: null }),
  }));
  let reading = new AbortController();
  let isReadingMore = false;
  const oldest = ({ items }: Part<T>): string => items.at(-1)?.at ?? '';
  /** Entries before this time may be missing. */
  const bound = computed(() => parts.map(({ state }) => (state.value.next === null ? '' : oldest(state.value))).reduce(later, ''));

  async function read({ source, state }: (typeof parts)[number], cursor: string | undefined, signal: AbortSignal): Promise<void> {
    try {
      const { items, nextCursor } = await source.load({ cursor, signal });
      if (signal.aborted) return;
      const { items: known, next } = state.value;
      const earlier = cursor === undefined ? after(items, known) : [];
      state.value = {
        items: cursor === undefined ? [...items, ...earlier] : [...known, ...items],
        next: earlier.length > 0 ? next : nextCursor,
        ...{ isRead: true, error: null },
      };
    } catch (thrown) {
      if (!signal.aborted) state.value = { ...state.value, next: null, isRead: true, error: errorOf(thrown) };
    }
  }
  return {
    items: computed(() =>
      parts
        .flatMap(({ state }) => state.value.items)
        .filter(({ at }) => at >= bound.value)
        .toSorted((a, b) => (a.at === b.at ? compare(b.id, a.id) : compare(b.at, a.at))),
    ),
    hasMore: computed(() => parts.some(({ state }) => state.value.next !== null)),
    isLoading: computed(() => !parts.some(({ state }) => state.value.isRead)),
    failures: computed(() =>
      parts.flatMap(({ source, state: { value } }) => (value.error === null ? [] : [{ name: source.name, error: value.error }])),
    ),
    async refresh() {
      reading.abort();
      reading = new AbortController();
      isReadingMore = false;
      const { signal } = reading;
      await Promise.all(parts.map((part) => read(part, undefined, signal)));
    },
    async more() {
      if (isReadingMore) return;
      isReadingMore = true;
      const { signal } = reading;
      const held = parts.filter(({ state: { value } }) => value.next !== null && oldest(value) === bound.peek());
      await Promise.all(held.map((part) => read(part, part.state.peek().next ?? undefined, signal)));
      if (!signal.aborted) isReadingMore = false;
    },
    stop: () => reading.abort(),
  };
}
/** What was read after the last of these entries; nothing where entries between may be missing. */
function after<T extends Dated>(page: readonly T[], known: readonly T[]): readonly T[] {
  const last = page.at(-1);
  const index = known.findIndex(({ id }) => id === last?.id);
  return index < 0 ? [] : known.slice(index + 1);
}
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
const later = (a: string, b: string): string => (a > b ? a : b);
