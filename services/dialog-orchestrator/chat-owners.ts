import { chatOwners } from '../../adapters/store/chat-owners.ts';

export const sessionOwners = chatOwners('dialog_orchestrator.assigned_chats');
