/** Sends messages of staff and programs to customers: once, in order, and with the approval that the policy requires. */
import { blobAdapters } from '../../adapters/blob/index.ts';
import { channels, createdOf, vendorsOf } from '../../adapters/channel/index.ts';
import type { ChannelAdapter } from '../../adapters/channel/port.ts';
import { quotasIn } from '../../adapters/quota.ts';
import { journalAdmin } from '../../adapters/store/journal-admin.ts';
import { service } from '../../bus/service.ts';
import { consents } from '../../contracts/consents.ts';
import { inbox } from '../../contracts/inbox.ts';
import { settled } from '../../contracts/kit/define.ts';
import { messages } from '../../contracts/messages.ts';
import { consentHandlers } from './consents.ts';
import { drafting } from './draft.ts';
import { forgetDeliveries } from './forget-deliveries.loop.ts';
import { getDelivery } from './get-delivery.ts';
import { listTemplates } from './list-templates.ts';
import { maySend } from './may-send.ts';
import { onButtonPressed } from './on-button-pressed.ts';
import { onChatsMerged } from './on-chats-merged.ts';
import { onDeliverSettled } from './on-deliver-settled.ts';
import { onHistoryForgotten } from './on-history-forgotten.ts';
import { onMessageChanged } from './on-message-changed.ts';
import { onMessageReceived } from './on-message-received.ts';
import { onMessageStatus } from './on-message-status.ts';
import { onNumberChanged } from './on-number-changed.ts';
import { onOwnerChanged } from './on-owner-changed.ts';
import { onPersonErased } from './on-person-erased.ts';
import { routed } from './routed.ts';
import { sendMessage } from './send-message.ts';
import { sendReply } from './send-reply.ts';
import { policyOf, senderSettings } from './settings.ts';
import { settlePress } from './settle-press.ts';
import { watched } from './watched.ts';
import { withinQuotas } from './within-quotas.ts';

/** @param of the channels in use */
export const sender = (of: readonly ChannelAdapter[]) => {
  const names = of.map(({ name }) => name);
  return service({
    serves: { messages, consents },
    uses: [
      inbox.chat_context,
      inbox.get_message,
      inbox.button_pressed,
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
    vendors: { ...vendorsOf(of, 'sending'), blobs: { setting: 'BLOB_KIND', catalogue: blobAdapters, fallback: 'fs' } },
  }).start(async ({ settings, vendors, bus, db, cache, log, now }) => {
    const quotas = quotasIn(cache, now);
    const admin = journalAdmin(db);
    const sendings = createdOf(of, 'sending', vendors);
    const effects = new Map(
      [...sendings].map(([name, sending]) => [name, withinQuotas(watched(sending, bus.health.of(`${name}:sending`)), quotas)]),
    );
    const replyWindows = new Map(of.flatMap(({ name, replyWindowMs: ms }) => (ms === undefined ? [] : [[name, ms] as const])));
    const withTemplates = new Set(of.flatMap(({ name, hasTemplates }) => (hasTemplates ? [name] : [])));
    const limits = new Map(of.map((each) => [each.name, each]));
    const limitsOf = (name: string) => limits.get(name) ?? { name };
    const draft = drafting(
      { replyWindows, withTemplates, limitsOf },
      { undoMs: settings.SENDER_UNDO_MS, approvers: settings.SENDER_APPROVERS },
      now,
    );
    return {
      messages: {
        send_message: sendMessage(draft, policyOf(settings, names)),
        send_reply: sendReply(draft),
        deliver: routed(effects, db, vendors.blobs),
        settle_press: settlePress(sendings, log),
        get_delivery: getDelivery(db, admin),
        list_templates: listTemplates(sendings),
      },
      consents: consentHandlers(db, now),
      guards: [maySend(replyWindows, limitsOf, now)],
      on: [
        onButtonPressed(),
        onMessageReceived(),
        onMessageChanged(),
        onOwnerChanged(),
        onPersonErased(now),
        onHistoryForgotten(),
        onChatsMerged(),
        onNumberChanged(),
        onDeliverSettled(admin, now),
        onMessageStatus(),
      ],
      loops: [forgetDeliveries(db, settings.SENDER_KEEP_DAYS, now)],
    };
  });
};

export default sender(channels);
