/** `polyb talk`. */
import type { Invocation } from '../kernel/command.ts';

export async function talkToAgent(invocation: Invocation): Promise<number> {
  if (invocation.flags.list('audio').length === 0)
    return (await import('../../../services/dialog-orchestrator/cli/talk.ts')).talk(invocation);
  return (await import('../../../services/call-orchestrator/cli/talk-aloud.ts')).talkAloud(invocation);
}
