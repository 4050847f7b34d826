/** Who is in charge of which chats, as the inbox reports it: by this the gateway narrows streams, and requests that their method does not. */
import { chatOwners } from '../../adapters/store/chat-owners.ts';
import { phoneOwners } from '../../adapters/store/phone-owners.ts';
import type { Queries } from '../../bus/service.ts';

export const chatsInGateway = chatOwners('gateway.chat_owners');
export const phonesInGateway = phoneOwners('gateway.phone_owners');

/** The people in charge, where there are some. */
export interface Owners {
  ofChats(chatIds: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>>;
  /** Of the chats of each phone, E.164. */
  ofPhones(phones: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>>;
}
export function ownersIn(db: Queries): Owners {
  return {
    ofChats: async (chatIds) => new Map([...(await chatsInGateway.of(db, chatIds))].map(([chatId, person]) => [chatId, [person]])),
    ofPhones: (phones) => phonesInGateway.of(db, phones),
  };
}
