export interface Outbox<T> extends AsyncIterable<T> {
  put(item: T): void;
  /** Forgets the items that were not read. */
  drop(): void;
  /** The iteration ends after the items that were put. */
  end(): void;
}
/** Items that are put now and read later, once. @param most when full, the oldest item gives way */
export function createOutbox<T>(most = Number.POSITIVE_INFINITY): Outbox<T> {
  const items: T[] = [];
  let isOver = false;
  let wake = (): void => {};
  return {
    put(item) {
      if (items.length === most) items.shift();
      items.push(item);
      wake();
    },
    drop: () => void items.splice(0),
    end() {
      isOver = true;
      wake();
    },
    async *[Symbol.asyncIterator]() {
      for (;;) {
        for (let item = items.shift(); item !== undefined; item = items.shift()) yield item;
        if (isOver) return;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}
