/** Sending through the Telegram Bot API. It does not recognise repeats, so an attempt without a clear reply goes to review. */
import type { z } from 'zod';
import { review } from '../../../contracts/kit/define.ts';
import { PolybError } from '../../../contracts/kit/errors.ts';
import { partsOfAddress } from '../../channel/address.ts';
import type { Sending } from '../../channel/port.ts';
import type { Deps } from '../../deps.ts';
import { botApi, botBucket, chatBucket, movedTo } from './client.ts';
import { telegramSettings } from './intake.ts';

export const telegramSendSettings = telegramSettings.pick({ TELEGRAM_BOT_TOKENS: true, TELEGRAM_API_ROOT: true });

export function telegramSend(options: z.output<typeof telegramSendSettings>, { http }: Pick<Deps, 'http'>): Sending {
  const bots = options.TELEGRAM_BOT_TOKENS.map((token) => botApi(token, options.TELEGRAM_API_ROOT, http));
  return {
    deliver: {
      async attempt({ botId, to, text, replyTo, threadId }, { signal }) {
        const bot = bots.find((each) => each.botId === botId);
        if (!bot) throw new PolybError('failed_precondition', `TELEGRAM_BOT_TOKENS has no token of bot ${botId}.`, { reason: 'no_token' });
        const send = async (address: string) => {
          const { connectionId, chatId } = partsOfAddress(address);
          const sent = await bot.call(
            'sendMessage',
            {
              ...(connectionId === null ? {} : { business_connection_id: connectionId }),
              chat_id: chatId,
              text,
              ...(threadId === null ? {} : { message_thread_id: Number(threadId) }),
              ...(replyTo === null ? {} : { reply_parameters: { message_id: Number(replyTo), allow_sending_without_reply: true } }),
            },
            { signal },
          );
          return { ...idOf(sent), to: address, text, threadId, replyTo };
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
  };
}

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
