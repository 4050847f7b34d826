/** Receives the messages of all channels, stores each once, emits events, and searches them. */
import { blobAdapters } from '../../adapters/blob/index.ts';
import { channels, createdOf, vendorsOf } from '../../adapters/channel/index.ts';
import type { ChannelAdapter } from '../../adapters/channel/port.ts';
import { on, service } from '../../bus/service.ts';
import { asr } from '../../contracts/asr.ts';
import { consents } from '../../contracts/consents.ts';
import { inbox } from '../../contracts/inbox.ts';
import { intents } from '../../contracts/intents.ts';
import { messages } from '../../contracts/messages.ts';
import { messagesTotal } from '../../contracts/metrics.ts';
import { channelWebhook } from './channel-webhook.ts';
import { chatContext } from './chat-context.ts';
import { followCommands, obeyCommand } from './commands.ts';
import { numberFeed } from './feed.ts';
import { followFiles } from './files.ts';
import { intake } from './intake.ts';
import { storeOwn } from './own-messages.ts';
import { putMessage } from './put-message.ts';
import { reads } from './read.ts';
import { receive } from './receive.ts';
import { registerWebhook } from './register-webhook.loop.ts';
import { replayUpdates } from './replay.ts';
import { retention } from './retention.ts';
import { collectorSettings } from './settings.ts';
import { followVoices } from './voices.ts';

/** @param of the channels in use */
export const collector = (of: readonly ChannelAdapter[]) =>
  service({
    serves: { inbox },
    uses: [asr.recognize, consents.set_consent, intents.message_classified, messages.message_sent, messages.send_message],
    settings: collectorSettings,
    vendors: {
      ...vendorsOf(of, 'intake'),
      blobs: { setting: 'BLOB_KIND', catalogue: blobAdapters, fallback: 'fs' },
    },
  }).start(async ({ settings, vendors, bus, db, log, metrics, now }) => {
    metrics.begin(messagesTotal, { channel: of.map(({ name }) => name) });
    const into = intake({ commit: bus.commit, log });
    const intakes = createdOf(of, 'intake', vendors);
    const personFields = new Map(of.map(({ name, personFields = [] }) => [name, personFields]));
    const { blobs } = vendors;
    const takeoverMs = settings.INBOX_TAKEOVER_MS;
    const isBotIn = async (chatId: string) => (await chatContext(db, chatId, 1, { now: now(), takeoverMs }))?.chat.owner === 'bot';
    const days = {
      raw: settings.INBOX_RAW_DAYS,
      messages: settings.INBOX_MESSAGE_DAYS,
      voices: settings.INBOX_VOICE_DAYS,
      files: settings.INBOX_FILE_DAYS,
    };
    return {
      inbox: {
        ...reads({ db, blobs, commit: bus.commit, now, takeoverMs, personFields }),
        channel_webhook: channelWebhook(intakes, into),
        put_message: putMessage(intakes, now),
        obey_command: obeyCommand({ start: settings.INBOX_START_TEXT, help: settings.INBOX_HELP_TEXT }, isBotIn),
        replay_updates: replayUpdates(db, intakes, into),
      },
      on: [
        storeOwn(),
        followCommands(),
        on(intents.message_classified, async ({ messageId, intent, isCertain, confidence, isUrgent }, tx) => {
          await tx.query(
            'update collector.messages set intent = $2, is_certain = $3, confidence = $4, is_urgent = $5 where message_id = $1',
            [messageId, intent, isCertain, confidence, isUrgent],
          );
        }),
      ],
      loops: [
        ...[...intakes].flatMap(([channel, { pollers = [], register }]) => [
          ...pollers.map((poller) => receive(channel, poller, into, bus.health.of(`${channel}:updates of ${poller.botId}`))),
          ...(register === undefined ? [] : [registerWebhook(channel, register)]),
        ]),
        followVoices({ db, commit: bus.commit, call: bus.call, log, intakes, maxBytes: settings.INBOX_VOICE_MAX_BYTES }),
        followFiles({ db, blobs, log, intakes, maxBytes: settings.INBOX_FILE_MAX_BYTES }),
        numberFeed(db),
        ...retention({ db, commit: bus.commit, now }, days),
      ],
    };
  });

export default collector(channels);
