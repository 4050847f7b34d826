import { type Consumer, on } from '../../bus/service.ts';
import { inbox } from '../../contracts/inbox.ts';

/** Unknown commands are left to people. */
export function onCommandGiven(): Consumer {
  const known = inbox.obey_command.input.shape.command;
  return on(inbox.command_given, async ({ messageId, chatId, command: said }, tx) => {
    const command = known.safeParse(said).data;
    if (command !== undefined) tx.send(inbox.obey_command, { messageId, chatId, command }, { key: messageId });
  });
}
