/** `polyb dialogs show`. */
import { askMethod } from '../../../scripts/cli/kernel/ask.ts';
import type { Invocation } from '../../../scripts/cli/kernel/command.ts';
import { type Dialog, drawDialog } from './draw-turn.ts';
import { sessionIn } from './sessions.ts';

export async function showDialog(invocation: Invocation): Promise<number> {
  const { flags, out } = invocation;
  const turns = flags.whole('turns', 0);
  const found = await askMethod<Dialog>(invocation, 'dialog.get_session', {
    sessionId: sessionIn(invocation),
    ...(turns !== undefined && { turns }),
  });
  await out.result(found, { text: () => drawDialog(found, out), items: found.turns });
  return 0;
}
