import { type ChatOwners, chatOwners } from '../../adapters/store/chat-owners.ts';

export const ownersInGateway = chatOwners('gateway.chat_owners');

/** The person of each chat that has one. */
export type OwnersOf = (chatIds: readonly string[]) => ReturnType<ChatOwners['of']>;
