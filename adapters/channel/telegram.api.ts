/** Calls of the Telegram Bot API (core.telegram.org/bots/api), each made once and with a deadline. The one place that runs telegraf's code. */
import type { Telegram as Client } from 'telegraf';
import type { Telegram } from 'telegraf/types';
import { PolybError } from '../../contracts/errors.ts';

export interface BotApi {
  readonly botId: string;
  /** @throws PolybError resource_exhausted with retryAfterMs (429), failed_precondition (400, 401, 403, 404; `reason` says which), conflict/other_poller (409),
   *  upstream_failed (5xx, garbage, a cut connection: it may have happened), unavailable (no connection was made), deadline_exceeded, cancelled. */
  call<M extends keyof Telegram>(
    method: M,
    payload: Readonly<Record<string, unknown>>,
    at: { readonly signal: AbortSignal; readonly timeoutMs?: number },
  ): Promise<unknown>;
}
interface Answered {
  readonly code: number;
  readonly description: string;
  readonly parameters?: { readonly retry_after?: number; readonly migrate_to_chat_id?: number };
}

/** The number before the colon of a token names the bot; it is no secret. */
export const botIdOf = (token: string): string => token.split(':', 1)[0] ?? '';

export function botApi(token: string, apiRoot: string): BotApi {
  let client: Promise<Client> | undefined;
  /** Loaded with the first call: a service without a token never makes one. */
  const open = async (): Promise<Client> => {
    const { Telegram } = await import('telegraf');
    return new Telegram(token, { apiRoot, webhookReply: false });
  };
  return {
    botId: botIdOf(token),
    async call(method, payload, { signal, timeoutMs = 10_000 }) {
      client ??= open();
      const telegram = await client;
      const timeout = AbortSignal.timeout(timeoutMs);
      try {
        // Payloads are made by callers that know the method; telegraf wants each spelled out, and its own AbortSignal type.
        return await telegram.callApi(method, payload as never, { signal: AbortSignal.any([signal, timeout]) as never });
      } catch (thrown) {
        if (signal.aborted) throw new PolybError('cancelled', `The caller gave up on ${method}.`);
        if (timeout.aborted) throw new PolybError('deadline_exceeded', `Telegram did not answer ${method} within ${timeoutMs} ms.`);
        throw failure(method, thrown);
      }
    },
  };
}

function failure(method: string, thrown: unknown): PolybError {
  // node-fetch's own error is made without Error's constructor, so Error.isError does not know it.
  const {
    name,
    message = '',
    code,
  } = (typeof thrown === 'object' && thrown !== null ? thrown : {}) as {
    name?: string;
    message?: string;
    code?: unknown;
  };
  if (typeof code === 'number') return refusal(method, thrown as Answered);
  if (name === 'FetchError' && /ECONNREFUSED|ENOTFOUND|EAI_AGAIN/.test(String(code)))
    return new PolybError('unavailable', `Telegram cannot be reached (${String(code)}).`, { reason: 'connect_failed' });
  if (/JSON/.test(message))
    return new PolybError('upstream_failed', `Telegram answered ${method} with something that is not JSON.`, { reason: 'bad_reply' });
  // The error names the URL, which holds the token, so it is not kept.
  return new PolybError('upstream_failed', `The connection to Telegram broke during ${method}.`, { reason: 'cut_off' });
}

/** Descriptions of the Bot API that have a meaning of their own. */
const reasons: readonly (readonly [RegExp, string])[] = [
  [/bot was blocked by the user|user is deactivated/, 'blocked'],
  [/bot was kicked|bot is not a member/, 'kicked'],
  [/can't initiate conversation/, 'not_started'],
  [/chat not found/, 'chat_not_found'],
  [/message is too long|caption is too long/, 'too_long'],
  [/upgraded to a supergroup/, 'chat_migrated'],
  [/message is not modified/, 'not_modified'],
];
function refusal(method: string, { code, description, parameters }: Answered): PolybError {
  const what = `Telegram refused ${method} with ${code}`;
  if (code === 429)
    return new PolybError('resource_exhausted', `${what}: too many requests.`, { retryAfterMs: (parameters?.retry_after ?? 1) * 1000 });
  if (code === 409)
    return new PolybError('conflict', `${what}: somebody else asks for the updates of this bot, or a webhook is set.`, {
      reason: 'other_poller',
    });
  if (code >= 500)
    return new PolybError('upstream_failed', `Telegram failed at ${method} with ${code}; it may have happened.`, {
      reason: 'upstream_status',
    });
  if (code === 401 || (code === 404 && !/chat|message|file/.test(description)))
    return new PolybError('failed_precondition', `${what}: check TELEGRAM_BOT_TOKENS.`, { reason: 'upstream_credentials' });
  const to = parameters?.migrate_to_chat_id;
  const reason = to === undefined ? reasons.find(([like]) => like.test(description))?.[1] : 'chat_migrated';
  return new PolybError('failed_precondition', `${what}.`, {
    reason: reason ?? 'upstream_rejected',
    ...(to === undefined ? {} : { data: { migrateToChatId: String(to) } }),
  });
}
