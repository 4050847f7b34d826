/** Messages with buttons to staff (Bot API: InlineKeyboardMarkup, editMessageText, answerCallbackQuery). */
import type { z } from 'zod';
import { isPolybError, PolybError } from '../../../contracts/kit/errors.ts';
import type { Notice, Notices } from '../../channel/port.ts';
import type { Deps } from '../../deps.ts';
import { botApi, botBucket, chatBucket, movedTo } from './client.ts';
import type { telegramSendSettings } from './send.ts';

const longestAnswer = 200;

/** The first bot of the settings; null without one. */
export function telegramNotices(options: z.output<typeof telegramSendSettings>, { http }: Pick<Deps, 'http'>): Notices | null {
  const [token] = options.TELEGRAM_BOT_TOKENS;
  if (token === undefined) return null;
  const bot = botApi(token, options.TELEGRAM_API_ROOT, http);
  return {
    botId: bot.botId,
    buckets: (chat) => [botBucket(bot.botId), ...(chat === null ? [] : [chatBucket(bot.botId, chat)])],
    longestText: 4096,
    async post(chat, notice, signal) {
      const send = async (to: string) => ({
        chat: to,
        messageId: idOf(await bot.call('sendMessage', { chat_id: to, ...body(notice) }, { signal })),
      });
      try {
        return await send(chat);
      } catch (thrown) {
        const moved = movedTo(thrown);
        if (moved !== undefined) return send(moved);
        throw thrown;
      }
    },
    async redraw({ chat, messageId }, notice, signal) {
      try {
        await bot.call('editMessageText', { chat_id: chat, message_id: Number(messageId), ...body(notice) }, { signal });
        return true;
      } catch (thrown) {
        const { reason } = isPolybError(thrown) ? thrown : { reason: undefined };
        if (reason === 'not_modified') return true;
        if (reason === 'message_gone' || reason === 'chat_migrated') return false;
        throw thrown;
      }
    },
    async answer(queryId, { text, isAlert }, signal) {
      await bot.call(
        'answerCallbackQuery',
        { callback_query_id: queryId, text: text.slice(0, longestAnswer), show_alert: isAlert },
        { signal },
      );
    },
  };
}

function body({ text, buttons }: Notice) {
  const all = buttons.map((button) => ({ text: button.text, callback_data: button.data }));
  // Two per row; the longer labels of three would be cut.
  const rows = all.length > 2 ? all.map((button) => [button]) : all.length === 0 ? [] : [all];
  return {
    text,
    link_preview_options: { is_disabled: true },
    reply_markup: { inline_keyboard: rows },
  };
}
function idOf(sent: unknown): string {
  const { message_id: id } = (typeof sent === 'object' && sent !== null ? sent : {}) as { message_id?: unknown };
  if (!Number.isSafeInteger(id))
    throw new PolybError('upstream_failed', 'Telegram accepted the message without returning its id.', { reason: 'bad_reply' });
  return String(id);
}
