/** Sending through the Telegram Bot API. It does not recognise repeats, so an attempt without a clear reply goes to review. */
import type { z } from 'zod';
import type { Choices, Media } from '../../../contracts/choices.ts';
import { review } from '../../../contracts/kit/define.ts';
import { isPolybError, PolybError } from '../../../contracts/kit/errors.ts';
import { partsOfAddress } from '../../channel/address.ts';
import { fitted } from '../../channel/options.ts';
import type { ChoiceLimits, MediaLimits, ReadChat, Sending } from '../../channel/port.ts';
import type { Deps } from '../../deps.ts';
import { type ApiFile, type BotApi, botApi, botBucket, chatBucket, movedTo } from './client.ts';
import { telegramSettings } from './intake.ts';

/** Bot API, InlineKeyboardMarkup and sendMessage. */
export const choiceLimits: ChoiceLimits = { buttons: 100, list: 100, longestText: 4096, withMedia: true };
/** Bot API, Sending files: 10 MB for a photo, 50 MB for others, which are held in memory here. */
export const mediaLimits: MediaLimits = { longestText: 1024, maxBytes: { image: 10_000_000, document: 20_000_000, audio: 20_000_000 } };
/** A reply keyboard can request a contact in private chats of the bot itself only (Bot API, KeyboardButton and ReplyKeyboardMarkup). */
export const canRequestContact = ({ externalId, kind }: Pick<ReadChat, 'externalId' | 'kind'>): boolean =>
  kind === 'private' && partsOfAddress(externalId).connectionId === null;

export const telegramSendSettings = telegramSettings.pick({ TELEGRAM_BOT_TOKENS: true, TELEGRAM_API_ROOT: true });

/** Methods that send a file, by its kind, and the parameters that take it. */
const methods = { image: ['sendPhoto', 'photo'], document: ['sendDocument', 'document'], audio: ['sendAudio', 'audio'] } as const;

export function telegramSend(options: z.output<typeof telegramSendSettings>, { http }: Pick<Deps, 'http'>): Sending {
  const bots = options.TELEGRAM_BOT_TOKENS.map((token) => botApi(token, options.TELEGRAM_API_ROOT, http));
  const botOf = (botId: string): BotApi => {
    const bot = bots.find((each) => each.botId === botId);
    if (!bot) throw new PolybError('failed_precondition', `TELEGRAM_BOT_TOKENS has no token of bot ${botId}.`, { reason: 'no_token' });
    return bot;
  };
  return {
    deliver: {
      async attempt({ botId, to, isGroup, text, replyTo, threadId, choices: offered, media }, { signal, file }) {
        const bot = botOf(botId);
        const send = async (address: string) => {
          const { connectionId, chatId } = partsOfAddress(address);
          const isPossible = canRequestContact({ externalId: address, kind: isGroup ? 'group' : 'private' });
          const choices = offered?.as === 'contact_request' && !isPossible ? null : offered;
          const rest = {
            ...(connectionId === null ? {} : { business_connection_id: connectionId }),
            chat_id: chatId,
            ...(threadId === null ? {} : { message_thread_id: Number(threadId) }),
            ...(replyTo === null ? {} : { reply_parameters: { message_id: Number(replyTo), allow_sending_without_reply: true } }),
            ...(choices === null ? {} : { reply_markup: markupOf(choices) }),
          };
          const sent =
            media === null
              ? await bot.call('sendMessage', { ...rest, text }, { signal })
              : await bot.call(
                  methods[media.kind][0],
                  { ...rest, caption: text },
                  { signal, timeoutMs: uploadMs, file: fileOf(media, file) },
                );
          return { ...idOf(sent), to: address, text, threadId, replyTo, choices, media };
        };
        try {
          return await send(to);
        } catch (thrown) {
          const moved = movedTo(thrown);
          if (moved !== undefined) return send(moved);
          throw thrown;
        }
      },
      onUnknown: review,
    },
    // Limits from the Bot API FAQ («My bot is hitting limits»); real ones adapt. A 429 does not say which one was exceeded, and further
    // attempts prolong the wait: it cools down the chat and the bot.
    quotas: ({ botId, to, isGroup }) => [
      { bucket: chatBucket(botId, to), limit: 1, windowMs: 1_000 },
      ...(isGroup ? [{ bucket: `telegram:${botId}:group:${to}`, limit: 20, windowMs: 60_000 }] : []),
      { bucket: botBucket(botId), limit: 30, windowMs: 1_000 },
    ],
    async settlePress({ botId, queryId, title, offered }, signal) {
      const bot = botOf(botId);
      const text = title === null ? {} : { text: title };
      await bot.call('answerCallbackQuery', { callback_query_id: queryId, ...text }, { signal }).catch(unless('query_gone'));
      if (offered === null) return;
      const { connectionId, chatId } = partsOfAddress(offered.to);
      const message = {
        ...(connectionId === null ? {} : { business_connection_id: connectionId }),
        ...{ chat_id: chatId, message_id: Number(offered.externalId), reply_markup: { inline_keyboard: [] } },
      };
      await bot.call('editMessageReplyMarkup', message, { signal }).catch(unless('not_modified', 'message_gone'));
    },
  };
}

/** An upload takes longer than a call; the deadline of a delivery bounds it too. */
const uploadMs = 15_000;
function fileOf({ kind, blob, name }: Media, bytes: Uint8Array | undefined): ApiFile {
  if (bytes === undefined) throw new PolybError('internal', 'A message with a file came without its bytes.', { outcome: 'not_executed' });
  return { field: methods[kind][1], bytes, name: name ?? kind, contentType: blob.contentType };
}
/** Titles of at most this many UTF-16 units share a row. */
const shortTitle = 14;
function markupOf(choices: Choices): object {
  if (choices.as === 'contact_request')
    return { keyboard: [[{ text: choices.title, request_contact: true }]], resize_keyboard: true, one_time_keyboard: true };
  const { options, moreId, moreTitle } = choices;
  const buttons = fitted({ as: 'buttons', options, moreId, moreTitle }, choiceLimits, { buttons: 64, list: 64 }).options.map(
    ({ id, title }) => ({ text: title, callback_data: id }),
  );
  const isShort = choices.as === 'buttons' && buttons.every(({ text }) => text.length <= shortTitle);
  const perRow = isShort ? 3 : 1;
  return {
    inline_keyboard: Array.from({ length: Math.ceil(buttons.length / perRow) }, (_, n) => buttons.slice(n * perRow, (n + 1) * perRow)),
  };
}
/** A refusal for one of these reasons means that the call is no longer needed. */
const unless =
  (...reasons: readonly string[]) =>
  (thrown: unknown): void => {
    if (!isPolybError(thrown) || !reasons.includes(thrown.reason ?? '')) throw thrown;
  };

function idOf(sent: unknown): { readonly externalId: string; readonly at: string } {
  const { message_id: id, date } = (typeof sent === 'object' && sent !== null ? sent : {}) as { message_id?: unknown; date?: unknown };
  if (!Number.isSafeInteger(id))
    throw new PolybError('upstream_failed', 'Telegram accepted the message without returning its id.', { reason: 'bad_reply' });
  return { externalId: String(id), at: new Date(sentAtMs(date)).toISOString() };
}

/** The provider's time, if valid: a wrong clock must not put a sent message in doubt. */
function sentAtMs(date: unknown): number {
  const now = Date.now();
  const told = Number(date) * 1000;
  return Math.abs(told - now) < 86_400_000 ? told : now;
}
