import type { z } from 'zod';
import type { telephony } from '../../../contracts/telephony.ts';

/** Items that one end of a stream sends, in order, as they are put in. */
export interface Outbox<T> extends AsyncIterable<T> {
  put(item: T): void;
  /** Drops what was not sent yet. */
  drop(): void;
  end(): void;
}
export function createOutbox<T>(): Outbox<T> {
  const items: T[] = [];
  let isOver = false;
  let wake = (): void => {};
  return {
    put(item) {
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

type Said = z.input<typeof telephony.media.up>;
/** What is sent to a leg, in order, as it is said. */
export interface Speaker extends AsyncIterable<Said> {
  say(item: Said): void;
  end(): void;
}
export function createSpeaker(): Speaker {
  const { put, drop, end, [Symbol.asyncIterator]: items } = createOutbox<Said>();
  return {
    say(item) {
      // What was not sent yet is not heard either.
      if ('clear' in item) drop();
      put(item);
    },
    end,
    [Symbol.asyncIterator]: items,
  };
}
