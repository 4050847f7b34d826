import type { z } from 'zod';
import type { telephony } from '../../../contracts/telephony.ts';

type Said = z.input<typeof telephony.media.up>;
/** What is sent to a leg, in order, as it is said. */
export interface Speaker extends AsyncIterable<Said> {
  say(item: Said): void;
  end(): void;
}

export function createSpeaker(): Speaker {
  const said: Said[] = [];
  let isOver = false;
  let wake = (): void => {};
  return {
    say(item) {
      // What was not sent yet is not heard either.
      if ('clear' in item) said.length = 0;
      said.push(item);
      wake();
    },
    end() {
      isOver = true;
      wake();
    },
    async *[Symbol.asyncIterator]() {
      for (;;) {
        for (let item = said.shift(); item !== undefined; item = said.shift()) yield item;
        if (isOver) return;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}
