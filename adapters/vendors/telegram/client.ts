/** Calls of the Telegram Bot API (core.telegram.org/bots/api), each made once, through the guarded client and with a deadline. */
import type { Telegram } from 'telegraf/types';
import { isPolybError, PolybError } from '../../../contracts/kit/errors.ts';
import type { Http, HttpAnswer } from '../../deps.ts';
import { httpFailure } from '../../http-failure.ts';
import { multipart } from '../../multipart.ts';

export interface BotApi {
  readonly botId: string;
  /**
   * @throws PolybError resource_exhausted with retryAfterMs (429), failed_precondition (400, 401, 403, 404, with a `reason`), conflict/other_poller (409),
   * upstream_failed (5xx, garbage, a cut connection: it may have happened), unavailable (no connection was made), deadline_exceeded, cancelled.
   */
  call<M extends keyof Telegram>(
    method: M,
    payload: Readonly<Record<string, unknown>>,
    at: { readonly signal: AbortSignal; readonly timeoutMs?: number; readonly file?: ApiFile | undefined },
  ): Promise<unknown>;
}
/** A file sent with a call, as a multipart form. */
export interface ApiFile {
  /** The parameter that takes it. */
  readonly field: string;
  readonly bytes: Uint8Array;
  readonly name: string;
  readonly contentType: string;
}
/** A reply of the Bot API, for any HTTP status (core.telegram.org/bots/api#making-requests). */
type BotApiReply =
  | { readonly ok: true; readonly result: unknown }
  | {
      readonly ok: false;
      readonly error_code: number;
      readonly description: string;
      readonly parameters?: { readonly retry_after?: number; readonly migrate_to_chat_id?: number };
    };

/** 100 updates of the largest messages. */
const maxBytes = 16_000_000;

/** The number before the colon of a token identifies the bot; it is not secret. */
export const botIdOf = (token: string): string => token.split(':', 1)[0] ?? '';

/** Buckets of a bot and of a chat, for shared limits. */
export const botBucket = (botId: string): string => `telegram:${botId}`;
export const chatBucket = (botId: string, chat: string): string => `telegram:${botId}:chat:${chat}`;

export function botApi(token: string, apiRoot: string, http: Http): BotApi {
  return {
    botId: botIdOf(token),
    async call(method, payload, { signal, timeoutMs, file }) {
      const answer = await http({
        method: 'POST',
        url: `${apiRoot}/bot${token}/${method}`,
        operation: method,
        ...(file === undefined ? jsonBody(payload) : await formBody(payload, file)),
        signal,
        maxBytes,
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
      });
      const said = answered(method, answer);
      if (said.ok) return said.result;
      throw refusal(method, said);
    },
  };
}

const jsonBody = (payload: object) => ({ headers: { 'content-type': 'application/json' }, body: JSON.stringify(payload) });
/** Values that are no text are JSON (Bot API, Sending files). */
function formBody(payload: Readonly<Record<string, unknown>>, { field, bytes, name, contentType }: ApiFile) {
  const values = Object.entries(payload).map(([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)] as const);
  return multipart([...values, [field, { bytes, name, contentType }]]);
}

/** @throws PolybError when the reply is not from the Bot API but from a proxy; its status is all that is known. */
function answered(method: string, answer: HttpAnswer): BotApiReply {
  const said = jsonOf(answer) as Partial<BotApiReply> | null;
  if (said?.ok === true || (said?.ok === false && typeof said.error_code === 'number')) return said as BotApiReply;
  if (answer.status !== 200) throw httpFailure(answer, `Telegram's ${method}`);
  throw new PolybError('upstream_failed', `Telegram replied to ${method} with something other than the Bot API.`, {
    reason: 'bad_reply',
  });
}
/** The chat's new id, if that is why a call was refused: nothing has happened, and the call may be repeated with it. */
export function movedTo(thrown: unknown): string | undefined {
  if (!isPolybError(thrown) || thrown.reason !== 'chat_migrated') return undefined;
  const { migrateToChatId } = (thrown.data ?? {}) as { migrateToChatId?: unknown };
  return typeof migrateToChatId === 'string' && /^-?\d{1,20}$/.test(migrateToChatId) ? migrateToChatId : undefined;
}

function jsonOf({ bytes }: HttpAnswer): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return null; // The parser's message quotes the body, so it is dropped.
  }
}

/** Descriptions of the Bot API with a specific reason. */
const reasons: readonly (readonly [RegExp, string])[] = [
  [/bot was blocked by the user|user is deactivated/, 'blocked'],
  [/bot was kicked|bot is not a member/, 'kicked'],
  [/can't initiate conversation/, 'not_started'],
  [/chat not found/, 'chat_not_found'],
  [/BUSINESS_CONNECTION_INVALID|business connection not found/i, 'connection_closed'],
  [/message is too long|caption is too long/, 'too_long'],
  [/upgraded to a supergroup/, 'chat_migrated'],
  [/message is not modified/, 'not_modified'],
  [/query is too old|query ID is invalid/, 'query_gone'],
  [/message to edit not found|message can't be edited/, 'message_gone'],
];
function refusal(method: string, { error_code: code, description, parameters }: Extract<BotApiReply, { ok: false }>): PolybError {
  const what = `Telegram refused ${method} with ${code}`;
  if (code === 429)
    return new PolybError('resource_exhausted', `${what}: too many requests.`, { retryAfterMs: (parameters?.retry_after ?? 1) * 1000 });
  if (code === 409)
    return new PolybError('conflict', `${what}: another program fetches the updates of this bot, or a webhook is set.`, {
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
  // Telegram's wording: most refusals have no reason, and would look the same without it.
  return new PolybError('failed_precondition', `${what}: ${description.slice(0, 200)}.`, {
    reason: reason ?? 'upstream_rejected',
    ...(to === undefined ? {} : { data: { migrateToChatId: String(to) } }),
  });
}
