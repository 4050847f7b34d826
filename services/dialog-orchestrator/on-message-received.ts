import { type Consumer, on } from '../../bus/service.ts';
import { inbox } from '../../contracts/inbox.ts';
import { addInput } from './rows/sessions.ts';
import type { DialogSettings } from './settings.ts';
import { turnDue } from './turn-due.ts';

/** The inbox answers these. */
const { command: inboxCommand } = inbox.obey_command.input.shape;

/** What a customer wrote becomes an input, and a turn is due. Albums come in parts, and a voice message waits for its transcript. */
export function onMessageReceived(settings: DialogSettings, now: () => number): Consumer {
  const { DIALOG_GATHER_MS: textMs, DIALOG_FRAGMENT_MS: partsMs, DIALOG_VOICE_MS: voiceMs } = settings;
  return on(inbox.message_received, async ({ messageId, chatId, isStaff, isBot, kind, command, at }, tx) => {
    if (isBot || isStaff || kind === 'service' || inboxCommand.safeParse(command).success) return;
    await addInput(tx, chatId, { inputId: messageId, kind: 'text', data: null, at: new Date(at) });
    turnDue(tx, chatId, messageId, new Date(now() + (kind === 'text' ? textMs : kind === 'voice' ? voiceMs : partsMs)));
  });
}
