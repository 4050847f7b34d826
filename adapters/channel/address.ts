/**
 * The address of a chat for a bot: the channel's id of the chat, or `<connection>:<id>` for a chat of a business account connected to
 * the bot. Message numbers of the two are unrelated.
 */
export const businessAddress = (connectionId: string, chatId: string): string => `${connectionId}:${chatId}`;

/** `connectionId` is null for a chat of the bot itself. */
export function partsOfAddress(address: string): { readonly connectionId: string | null; readonly chatId: string } {
  const at = address.lastIndexOf(':');
  return at < 0 ? { connectionId: null, chatId: address } : { connectionId: address.slice(0, at), chatId: address.slice(at + 1) };
}
