import { newId } from '../../bus/durable/identity.ts';
import { type Consumer, type Database, on } from '../../bus/service.ts';
import { mask } from '../../contracts/kit/describe.ts';
import { outgoing, webhooks } from '../../contracts/webhooks.ts';
import { keepEvent, type Target, targets } from './rows.ts';

/** How soon a new subscription becomes effective. */
const rememberMs = 1_000;

/** Sends each event to the subscriptions that name it, in the transaction that processes the event. */
export function onOutgoingEvent(db: Database, now: () => number): readonly Consumer[] {
  let known: { readonly found: Promise<readonly Target[]>; readonly until: number } | undefined;
  const current = (): Promise<readonly Target[]> => {
    if (known === undefined || known.until <= now()) known = { found: targets(db), until: now() + rememberMs };
    return known.found;
  };
  return outgoing.map((event) =>
    on(event, async (payload, tx) => {
      const to = (await current()).filter(({ events }) => events.includes(event.address));
      if (to.length === 0) return;
      const eventId = newId('evt');
      await keepEvent(tx, eventId, event.address, mask(event.payload, payload));
      for (const { subscriptionId } of to) tx.send(webhooks.deliver, { subscriptionId, eventId }, { key: `${subscriptionId} ${eventId}` });
    }),
  );
}
