/** Sends events to clients that cannot hold a connection: signed, in order, repeated until accepted. */
import { hash } from 'node:crypto';
import { webhookAdapters } from '../../adapters/webhook/index.ts';
import { newId } from '../../bus/durable/identity.ts';
import { every, service } from '../../bus/service.ts';
import { gateway } from '../../contracts/gateway.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { outgoing, webhooks } from '../../contracts/webhooks.ts';
import { deliver } from './deliver.ts';
import { onOutgoingEvent } from './on-outgoing-event.ts';
import { eventsToReplay, forgetEvents, listSubscriptions, putSubscription, removeSubscription, rotateSecret } from './rows.ts';
import { webhookSettings } from './settings.ts';

/** Maximum deliveries per replay. */
const mostReplayed = 5_000;

export default service({
  serves: { webhooks },
  uses: [gateway.find_client, ...outgoing],
  settings: webhookSettings,
  vendors: { outgoing: { setting: 'WEBHOOK_KIND', catalogue: webhookAdapters, fallback: 'standard' } },
}).start(async ({ settings, vendors: { outgoing: adapter }, db, now }) => ({
  webhooks: {
    put_subscription: async (wanted) => {
      const put = await putSubscription(db, newId('sub'), { ...wanted, client: clientOf(wanted.client) });
      if (put === null) throw new PolybError('invalid_argument', 'A new subscription needs a secret.', { reason: 'secret_missing' });
      return put;
    },
    rotate_secret: async (wanted) => (await rotateSecret(db, { ...wanted, client: clientOf(wanted.client) })) ?? missing(wanted.name),
    list_subscriptions: async ({ client }) => ({ items: await listSubscriptions(db, client && clientOf(client)) }),
    remove_subscription: async ({ client, name }) => ({ isRemoved: await removeSubscription(db, clientOf(client), name) }),
    replay: ({ client, ...wanted }, { key, commit }) =>
      commit(async (tx) => {
        const found = await eventsToReplay(tx, { ...wanted, client: clientOf(client), most: mostReplayed + 1 });
        if (found === null) return missing(wanted.name);
        const { subscriptionId, eventIds } = found;
        if (eventIds.length > mostReplayed)
          throw new PolybError('invalid_argument', `More than ${mostReplayed} events; choose a shorter time range.`, {
            reason: 'too_many',
          });
        const again = hash('sha256', key, 'base64url').slice(0, 16);
        for (const eventId of eventIds)
          tx.send(webhooks.deliver, { subscriptionId, eventId }, { key: `${subscriptionId} ${eventId} ${again}` });
        return { deliveries: eventIds.length };
      }),
    deliver: deliver({ db, post: adapter.post, giveUpMs: settings.WEBHOOKS_GIVE_UP_MS, disableMs: settings.WEBHOOKS_DISABLE_MS }),
  },
  on: onOutgoingEvent(db, now),
  loops: [every('forget_webhook_events', '53 2 * * *', (signal) => forgetEvents(db, settings.WEBHOOKS_EVENT_DAYS, signal))],
}));

/** The gateway includes the key: `client/pk_…`. */
const clientOf = (actor: string): string => actor.split('/', 1)[0] ?? actor;

function missing(name: string): never {
  throw new PolybError('not_found', `There is no subscription ${name}; list_subscriptions lists them.`);
}
