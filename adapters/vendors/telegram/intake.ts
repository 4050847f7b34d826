/** Updates of Telegram: bots poll, or receive webhooks with a secret token. */
import { createHmac } from 'node:crypto';
import { z } from 'zod';
import { list, origin, text } from '../../../config/settings.ts';
import { PolybError } from '../../../contracts/kit/errors.ts';
import type { Intake, Poller, WebhookRequest } from '../../channel/port.ts';
import { sameSecret } from '../../channel/same-secret.ts';
import type { Deps } from '../../deps.ts';
import { httpFailure } from '../../http-failure.ts';
import { type BotApi, botApi } from './client.ts';
import { allowedUpdates, readUpdate } from './read.ts';

const token = text({ max: 100, like: /^\d{1,20}:[\w-]{1,80}$/, expected: 'a bot token as BotFather gives it, e.g. 123456:AAE…' });
export const telegramSettings = z.object({
  TELEGRAM_BOT_TOKENS: list(token, { max: 20 })
    .default([])
    .describe('Tokens of the Telegram bots. Without one, Telegram is not used.')
    .meta({ secret: true, before: ['TELEGRAM_BOT_TOKEN'] }),
  TELEGRAM_API_ROOT: origin()
    .default('https://api.telegram.org')
    .describe('Base URL of the Bot API. List one on a private address in HTTP_ALLOW_PRIVATE too.'),
  TELEGRAM_MODE: z
    .enum(['polling', 'webhook'])
    .default('polling')
    .describe('polling: this system fetches updates. webhook: Telegram delivers them to TELEGRAM_WEBHOOK_URL.')
    .meta({ expected: 'polling or webhook' }),
  TELEGRAM_WEBHOOK_URL: text({ max: 500, like: /^https?:\/\//, expected: 'a URL that Telegram can reach' })
    .optional()
    .describe('Webhook URL; registered at Telegram at start when TELEGRAM_MODE is webhook.'),
  TELEGRAM_WEBHOOK_SECRET: text({ max: 256, like: /^[\w-]{16,256}$/, expected: '16 to 256 of A-Z a-z 0-9 _ -' })
    .optional()
    .describe('Secret token of the webhook. By default each bot has its own, derived from its token.')
    .meta({ secret: true }),
});

export function telegramIntake(options: z.output<typeof telegramSettings>, { http }: Pick<Deps, 'http'>): Intake {
  const { TELEGRAM_MODE: mode, TELEGRAM_WEBHOOK_URL: url } = options;
  const root = options.TELEGRAM_API_ROOT;
  const bots = options.TELEGRAM_BOT_TOKENS.map((each) => {
    const secretToken = options.TELEGRAM_WEBHOOK_SECRET ?? createHmac('sha256', each).update('webhook').digest('hex');
    return { token: each, api: botApi(each, root, http), secretToken };
  });
  const botOf = (botId: string) => {
    const bot = bots.find(({ api }) => api.botId === botId);
    if (!bot) throw new PolybError('failed_precondition', `TELEGRAM_BOT_TOKENS has no token of bot ${botId}.`, { reason: 'no_token' });
    return bot;
  };

  const register = async (signal: AbortSignal): Promise<void> => {
    for (const { api, secretToken } of bots)
      await api.call('setWebhook', { url, secret_token: secretToken, allowed_updates: allowedUpdates, max_connections: 100 }, { signal });
  };

  return {
    pollers: mode === 'polling' ? bots.map(({ api }) => poller(api)) : [],
    ...(mode === 'webhook' && url !== undefined && bots.length > 0 && { register }),
    receive({ bot, headers, body }: WebhookRequest) {
      const given = headers['x-telegram-bot-api-secret-token'] ?? '';
      // All are compared, so that the duration does not reveal which one matched.
      const known = bots.filter(({ api, secretToken }) =>
        [sameSecret(given, secretToken), bot === undefined || api.botId === bot].every(Boolean),
      );
      const [one, other] = known;
      if (!one) throw new PolybError('permission_denied', 'The secret token of the webhook is wrong.', { reason: 'bad_signature' });
      if (other)
        throw new PolybError(
          'invalid_argument',
          'Several bots share this secret token; name the bot, e.g. ?bot=123456, in the URL of its webhook.',
        );
      const { botId } = one.api;
      try {
        return { batches: [{ botId, updates: [readUpdate(botId, Buffer.from(body).toString('utf8'))] }] };
      } catch {
        // The parser's message quotes the body, so it is dropped.
        throw new PolybError('invalid_argument', 'The body is not an update of the Bot API.', { reason: 'bad_body' });
      }
    },
    read: readUpdate,
    async fetchFile(botId, fileId, { maxBytes, signal }) {
      const { api, token: own } = botOf(botId);
      const { file_path: path } = (await api.call('getFile', { file_id: fileId }, { signal })) as { file_path?: string };
      // A local Bot API server returns a path on its own disk, which is not accessible here.
      if (typeof path !== 'string' || path.startsWith('/') || path.split('/').includes('..'))
        throw new PolybError('failed_precondition', 'Telegram returned no path for the file.', { reason: 'bad_path' });
      const answer = await http({
        method: 'GET',
        url: `${root}/file/bot${own}/${path}`,
        operation: 'file',
        signal,
        maxBytes,
        timeoutMs: 60_000,
      });
      if (answer.status !== 200) throw httpFailure(answer, 'Fetching the file');
      return answer.bytes;
    },
  };
}

function poller(api: BotApi): Poller {
  return {
    botId: api.botId,
    async open(signal) {
      await api.call('deleteWebhook', { drop_pending_updates: false }, { signal });
    },
    async poll(confirmed, waitMs, signal) {
      const seconds = Math.round(waitMs / 1000);
      const answer = await api.call(
        'getUpdates',
        { ...(confirmed === null ? {} : { offset: Number(confirmed) + 1 }), limit: 100, timeout: seconds, allowed_updates: allowedUpdates },
        { signal, timeoutMs: waitMs + 10_000 },
      );
      if (!Array.isArray(answer))
        throw new PolybError('upstream_failed', 'Telegram replied to getUpdates without a list.', { reason: 'bad_reply' });
      return answer.map((update) => readUpdate(api.botId, JSON.stringify(update)));
    },
  };
}
