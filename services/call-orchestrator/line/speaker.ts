import type { z } from 'zod';
import { createOutbox } from '../../../adapters/outbox.ts';
import type { telephony } from '../../../contracts/telephony.ts';

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
