/** Handlers of every kind that break in every way a handler can. */

import type { Handler, HandlersOf } from '../../bus/service.ts';
import { type Effect, review } from '../../contracts/kit/define.ts';
import type { faults, handlerFaults } from './work.ts';

type Fault = (typeof handlerFaults)[number];
interface Asked {
  readonly fault: Fault;
  readonly nth: number;
}
interface Answer {
  readonly nth: number;
  readonly filler?: string;
}
/** Over the server's limit of 1 MB. */
const twoMegabytes = 'x'.repeat(2_000_000);

/** Not async on purpose: `throw` leaves the handler before there is a promise. */
function broken({ fault, nth }: Asked): Promise<Answer> {
  switch (fault) {
    case 'throw':
      throw new TypeError('thrown at once');
    case 'reject':
      return Promise.reject(new RangeError('rejected later'));
    case 'large':
      return Promise.resolve({ nth, filler: twoMegabytes });
    case 'silence':
      return new Promise(() => {});
    case 'throw_after_commit':
      return Promise.reject(new Error('thrown after the work was done'));
    case 'none':
      return Promise.resolve({ nth });
  }
}
const act: Effect<typeof faults.act> = { attempt: (asked) => broken(asked), onUnknown: review };
const read: Handler<typeof faults.read> = (asked) => broken(asked);
const change: Handler<typeof faults.change> = (asked) => broken(asked);
const commit: Handler<typeof faults.commit> = (asked, context) => {
  if (asked.fault !== 'throw_after_commit') return broken(asked);
  return context.commit(async () => ({ nth: asked.nth })).then(() => broken(asked));
};

export const breaking: HandlersOf<typeof faults> = {
  read,
  change,
  commit,
  act,
  flow: (asked) => {
    if (asked.fault === 'throw') throw new TypeError('thrown at once');
    return (async function* () {
      if (asked.fault === 'throw_after_commit') yield { nth: asked.nth };
      yield await broken(asked);
    })();
  },
  sibling: async ({ nth }) => ({ nth }),
};
