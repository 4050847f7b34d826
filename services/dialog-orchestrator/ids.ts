/** Ids that follow from what names them, so that a repeat gets the same. */
import { hash } from 'node:crypto';

/** The id under which a caller's conversation is stored: it cannot be the id of a chat. */
export const sessionIdOf = (externalId: string): string => `ses_${hash('sha256', externalId, 'base64url').slice(0, 32)}`;
/** @param key of `take_turn` */
export const turnIdOf = (key: string): string => `turn_${hash('sha256', key, 'base64url').slice(0, 24)}`;
/** Ids of messages and of their changes sort by the order of storing. */
export const messageIdPrefix = 'msg_';
const pressPrefix = 'press:';
/** The input of a press that is no message. @param queryId names the press in its chat */
export const pressInputId = (chatId: string, queryId: string): string => `${pressPrefix}${chatId}-${queryId}`;
/** The input for which a turn was due. @param key of `take_turn`: the id of the input, perhaps with a suffix */
export function inputIdIn(key: string): string {
  const [inputId = key] = new RegExp(`^(?:${messageIdPrefix}|${pressPrefix})[^:]+`).exec(key) ?? [];
  return inputId;
}
