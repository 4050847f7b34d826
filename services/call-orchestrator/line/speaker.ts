import type { z } from 'zod';
import { createOutbox } from '../../../adapters/outbox.ts';
import type { telephony } from '../../../contracts/telephony.ts';

type SpeakerItem = z.input<typeof telephony.media.up>;
/** The stream to a leg, in order. */
export interface Speaker extends AsyncIterable<SpeakerItem> {
  say(item: SpeakerItem): void;
  end(): void;
}
export function createSpeaker(): Speaker {
  const { put, drop, end, [Symbol.asyncIterator]: items } = createOutbox<SpeakerItem>();
  return {
    say(item) {
      // Unsent items are dropped as well.
      if ('clear' in item) drop();
      put(item);
    },
    end,
    [Symbol.asyncIterator]: items,
  };
}
