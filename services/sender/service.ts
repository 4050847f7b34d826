/** Sends messages of staff and programs to customers: once, in order, and with the approval that the policy requires. */
import { openCache } from '../../adapters/cache/index.ts';
import { cooldownsIn } from '../../adapters/channel/cooldowns.ts';
import { channels, createdOf, vendorsOf } from '../../adapters/channel/index.ts';
import type { ChannelAdapter } from '../../adapters/channel/port.ts';
import { journalAdmin } from '../../adapters/store/journal-admin.ts';
import { every, service } from '../../bus/service.ts';
import { consents } from '../../contracts/consents.ts';
import { inbox } from '../../contracts/inbox.ts';
import { settled } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { messages } from '../../contracts/messages.ts';
import { listConsents, setConsent } from './consents.ts';
import {
  followChanges,
  followDeliveries,
  followErased,
  followForgotten,
  followNumbers,
  followOwners,
  followPeople,
  followStatuses,
} from './follow.ts';
import { maySend } from './may-send.ts';
import { followMerges } from './merged-chats.ts';
import { routed } from './routed.ts';
import { findDelivery, forget } from './rows.ts';
import { sendMessage } from './send-message.ts';
import { policyOf, senderSettings } from './settings.ts';
import { watched } from './watched.ts';
import { withinQuotas } from './within-quotas.ts';

const dayMs = 86_400_000;

/** @param of the channels in use */
export const sender = (of: readonly ChannelAdapter[]) => {
  const names = of.map(({ name }) => name);
  return service({
    serves: { messages, consents },
    uses: [
      inbox.chat_context,
      inbox.get_message,
      inbox.chats_merged,
      inbox.message_received,
      inbox.message_changed,
      inbox.owner_changed,
      inbox.person_erased,
      inbox.history_forgotten,
      inbox.message_status,
      inbox.number_changed,
      settled(messages.deliver),
    ],
    settings: senderSettings(names),
    vendors: vendorsOf(of, 'sending'),
  }).start(async ({ settings, vendors, bus, db, log, now }) => {
    const cache = await openCache(settings, { now, log });
    const cooldowns = cooldownsIn(cache, now);
    const desk = journalAdmin(db);
    const effects = new Map(
      [...createdOf(of, 'sending', vendors)].map(([name, sending]) => [
        name,
        withinQuotas(watched(sending, bus.health.of(`${name}:sending`)), cache, cooldowns),
      ]),
    );
    const replyWindows = new Map(of.flatMap(({ name, replyWindowMs: ms }) => (ms === undefined ? [] : [[name, ms] as const])));
    const withTemplates = new Set(of.flatMap(({ name, hasTemplates }) => (hasTemplates ? [name] : [])));
    return {
      messages: {
        send_message: sendMessage(
          { policy: policyOf(settings, names), replyWindows, withTemplates },
          { undoMs: settings.SENDER_UNDO_MS, approvers: settings.SENDER_APPROVERS },
          now,
        ),
        deliver: routed(effects, db),
        get_delivery: async ({ id }) => {
          const found = await findDelivery(db, { id });
          if (found === null) throw new PolybError('not_found', 'There is no such delivery; send_message returns its id.');
          const { createdAt, changedAt } = found;
          const row = found.status === 'queued' ? await desk.row(id) : null;
          const doubt = { inReview: row?.state === 'review', waitsFor: row?.waits_for ?? null };
          return { ...found, ...doubt, createdAt: createdAt.toISOString(), changedAt: changedAt.toISOString() };
        },
      },
      consents: { set_consent: setConsent(now), list_consents: listConsents(db) },
      guards: [maySend(replyWindows, now)],
      on: [
        followPeople(),
        followChanges(),
        followOwners(),
        followErased(now),
        followForgotten(),
        followMerges(),
        followNumbers(),
        followDeliveries(now),
        followStatuses(),
      ],
      loops: [
        every('forget_deliveries', '41 3 * * *', () =>
          forget(db, { deliveries: new Date(now() - settings.SENDER_KEEP_DAYS * dayMs), statuses: new Date(now() - 2 * dayMs) }),
        ),
      ],
      stop: () => cache.close(),
    };
  });
};

export default sender(channels);
