import { type Loop, loop, type Queries } from '../../bus/service.ts';
import { numberMessages } from './rows/feed.ts';

/** Positions assigned in one transaction. */
const batch = 2_000;

/** Assigns positions to committed messages. Several processes may do so; they take turns. */
export function numberFeed(db: Queries): Loop {
  return loop('number_feed', { idleMs: 200 }, async () => ((await numberMessages(db, batch)) === batch ? 'more' : 'idle'));
}
