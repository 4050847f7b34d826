/** Receives the messages of all channels, stores each once, emits events, and searches them. */
import { blobAdapters } from '../../adapters/blob/index.ts';
import { channels, createdOf, vendorsOf } from '../../adapters/channel/index.ts';
import type { ChannelAdapter } from '../../adapters/channel/port.ts';
import { service } from '../../bus/service.ts';
import { asr } from '../../contracts/asr.ts';
import { consents } from '../../contracts/consents.ts';
import { inbox } from '../../contracts/inbox.ts';
import { intents } from '../../contracts/intents.ts';
import { messages } from '../../contracts/messages.ts';
import { channelWebhook } from './channel-webhook.ts';
import { fetchFiles } from './fetch-files.loop.ts';
import { intake } from './intake.ts';
import { messagesTotal } from './metrics.ts';
import { numberFeed } from './number-feed.loop.ts';
import { obeyCommand } from './obey-command.ts';
import { onCommandGiven } from './on-command-given.ts';
import { onMessageClassified } from './on-message-classified.ts';
import { onMessageSent } from './on-message-sent.ts';
import { phoneOwners } from './phone-owners.loop.ts';
import { putMessage, storeMessage } from './put-message.ts';
import { reads } from './read.ts';
import { receive } from './receive.loop.ts';
import { registerWebhook } from './register-webhook.loop.ts';
import { replayUpdates } from './replay-updates.ts';
import { retention } from './retention.loop.ts';
import { chatContext } from './rows/chat-context.ts';
import { collectorSettings } from './settings.ts';
import { transcribeVoices } from './transcribe-voices.loop.ts';

/** @param of the channels in use */
export const collector = (of: readonly ChannelAdapter[]) =>
  service({
    serves: { inbox },
    uses: [asr.follow_recording, consents.set_consent, intents.message_classified, messages.message_sent, messages.send_message],
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
    const storing = storeMessage(intakes, now);
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
        put_message: putMessage(storing, db),
        store_message: storing,
        obey_command: obeyCommand({ start: settings.INBOX_START_TEXT, help: settings.INBOX_HELP_TEXT }, isBotIn),
        replay_updates: replayUpdates(db, intakes, into),
      },
      on: [onMessageSent(), onCommandGiven(), onMessageClassified()],
      loops: [
        ...[...intakes].flatMap(([channel, { pollers = [], register }]) => [
          ...pollers.map((poller) => receive(channel, poller, into, bus.health.of(`${channel}:updates of ${poller.botId}`))),
          ...(register === undefined ? [] : [registerWebhook(channel, register)]),
        ]),
        transcribeVoices({ db, commit: bus.commit, open: bus.open, log, intakes, blobs, maxBytes: settings.INBOX_VOICE_MAX_BYTES }),
        fetchFiles({ db, blobs, log, intakes, maxBytes: settings.INBOX_FILE_MAX_BYTES }),
        numberFeed(db),
        phoneOwners(bus.commit),
        ...retention({ db, commit: bus.commit, now }, days),
      ],
    };
  });

export default collector(channels);
