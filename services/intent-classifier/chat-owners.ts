import { chatOwners } from '../../adapters/store/chat-owners.ts';

export const analysisOwners = chatOwners('intent_classifier.assigned_chats');
