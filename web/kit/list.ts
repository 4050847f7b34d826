/** A list that is read page by page and kept current, without moving rows under the eyes of its reader. */
import { batch, computed, type ReadonlySignal, signal } from '@preact/signals';
import type { RequestError } from './api.ts';
import type { Page } from './csv.ts';
import type { Live, LiveItem } from './live.ts';
import { after, errorOf, outcomeOf, type Shown } from './resource.ts';

export interface ListOptions<T> {
  readonly load: (page: { readonly cursor: string | undefined; readonly limit: number; readonly signal: AbortSignal }) => Promise<Page<T>>;
  readonly idOf: (item: T) => string;
  readonly live?: {
    readonly topic: string;
    /** The row that a change is about. Default: its `id`. */
    readonly rowOf?: (change: LiveItem) => string;
    /** The row with what the change says of it; null where it leaves the list. */
    readonly apply: (item: T, change: LiveItem) => T | null;
    /** Whether a row that is not in the list belongs into it. */
    readonly accepts: (change: LiveItem) => boolean;
  };
}
export interface List<T> {
  readonly shown: ReadonlySignal<Shown<readonly T[]>>;
  readonly items: ReadonlySignal<readonly T[]>;
  readonly focused: ReadonlySignal<T | null>;
  readonly focusedId: ReadonlySignal<string | null>;
  /** Rows that came since the list was read; they wait behind a button. In an empty list they move nothing, and are shown. */
  readonly fresh: ReadonlySignal<number>;
  readonly hasMore: ReadonlySignal<boolean>;
  /** Why the next page could not be read. */
  readonly moreError: ReadonlySignal<RequestError | null>;
  focus(id: string | null): void;
  move(by: number): void;
  /** Reads again from the start, also what is fresh. */
  refresh(): Promise<void>;
  more(): Promise<void>;
  /** Changes a row in its place. */
  replace(id: string, change: (item: T) => T): void;
  /** Takes a row out; focus goes to the next one. */
  remove(id: string): void;
  stop(): void;
}
const pageRows = 50;
const mostRows = 200;

export function createList<T>({ load, idOf, live: of }: ListOptions<T>, live: Pick<Live, 'on' | 'onGap'>): List<T> {
  const shown = signal<Shown<readonly T[]>>({ kind: 'loading' });
  const items = computed(() => (shown.value.kind === 'ready' ? shown.value.value : []));
  const focusedId = signal<string | null>(null);
  const fresh = signal<ReadonlySet<string>>(new Set());
  const nextCursor = signal<string | null>(null);
  const moreError = signal<RequestError | null>(null);
  let reading = new AbortController();
  let isReadingMore = false;
  /** What changed while the list is read: the reply may be older. Null while it is not. */
  let meanwhile: LiveItem[] | null = null;

  const at = (id: string | null): number => items.value.findIndex((item) => idOf(item) === id);
  const set = (value: readonly T[]): void => {
    shown.value = shown.value.kind === 'ready' ? { ...shown.value, value } : { kind: 'ready', value };
  };
  function remove(id: string): void {
    const index = at(id);
    if (index < 0) return;
    const rest = items.value.toSpliced(index, 1);
    batch(() => {
      if (focusedId.value === id)
        focusedId.value = rest[Math.min(index, rest.length - 1)] === undefined ? null : idOf(rest[Math.min(index, rest.length - 1)] as T);
      set(rest);
    });
  }
  function changed(change: LiveItem): void {
    meanwhile?.push(change);
    if (of === undefined || shown.value.kind !== 'ready') return;
    const row = of.rowOf?.(change) ?? change.id;
    const index = at(row);
    const item = items.value[index];
    if (item === undefined) {
      if (of.accepts(change) && items.value.length === 0) void refresh();
      else if (of.accepts(change)) fresh.value = new Set([...fresh.value, row]);
      else if (fresh.value.has(row)) fresh.value = new Set([...fresh.value].filter((id) => id !== row));
      return;
    }
    const next = of.apply(item, change);
    if (next === null) remove(row);
    else set(items.value.with(index, next));
  }
  async function refresh(): Promise<void> {
    reading.abort();
    reading = new AbortController();
    const { signal } = reading;
    isReadingMore = false;
    meanwhile = [];
    const limit = Math.min(mostRows, Math.max(pageRows, items.value.length));
    const outcome = await outcomeOf(load({ cursor: undefined, limit, signal }));
    if (outcome === null || signal.aborted) return;
    const index = at(focusedId.value);
    const changes = meanwhile;
    meanwhile = null;
    batch(() => {
      if (outcome.kind !== 'ready') {
        shown.value = after(shown.value, outcome);
        return;
      }
      fresh.value = new Set();
      moreError.value = null;
      nextCursor.value = outcome.value.nextCursor;
      shown.value = { kind: 'ready', value: outcome.value.items };
      for (const change of changes) changed(change);
      if (at(focusedId.value) >= 0) return;
      const next = items.value[Math.max(0, Math.min(index, items.value.length - 1))];
      focusedId.value = next === undefined ? null : idOf(next);
    });
  }
  async function more(): Promise<void> {
    const cursor = nextCursor.value;
    if (cursor === null || isReadingMore) return;
    isReadingMore = true;
    const { signal } = reading;
    try {
      const page = await load({ cursor, limit: pageRows, signal });
      if (signal.aborted) return;
      const known = new Set(items.value.map(idOf));
      batch(() => {
        nextCursor.value = page.nextCursor;
        moreError.value = null;
        set([...items.value, ...page.items.filter((item) => !known.has(idOf(item)))]);
      });
    } catch (thrown) {
      if (!signal.aborted) moreError.value = errorOf(thrown);
    } finally {
      isReadingMore = false;
    }
  }

  const leaves = [live.onGap(() => void refresh()), ...(of === undefined ? [] : [live.on(of.topic, changed)])];
  void refresh();
  return {
    shown,
    items,
    focusedId,
    focused: computed(() => items.value[at(focusedId.value)] ?? null),
    fresh: computed(() => fresh.value.size),
    hasMore: computed(() => nextCursor.value !== null),
    moreError,
    focus(id) {
      focusedId.value = id;
    },
    move(by) {
      const { length } = items.value;
      const item = items.value[Math.max(0, Math.min(at(focusedId.value) + by, length - 1))];
      if (item !== undefined) focusedId.value = idOf(item);
    },
    refresh,
    more,
    replace(id, change) {
      const index = at(id);
      const item = items.value[index];
      if (item !== undefined) set(items.value.with(index, change(item)));
    },
    remove,
    stop() {
      reading.abort();
      for (const leave of leaves) leave();
    },
  };
}

/** The first item that `is`, over all pages; null where there is none. For short lists without a route that reads one. */
export async function findIn<T>(load: ListOptions<T>['load'], is: (item: T) => boolean, signal: AbortSignal): Promise<T | null> {
  let cursor: string | undefined;
  do {
    const { items, nextCursor } = await load({ cursor, limit: mostRows, signal });
    const found = items.find(is);
    if (found !== undefined) return found;
    cursor = nextCursor ?? undefined;
  } while (cursor !== undefined);
  return null;
}
