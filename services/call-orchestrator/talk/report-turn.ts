import type { Bus } from '../../../bus/service.ts';
import { calls } from '../../../contracts/calls.ts';
import type { CompletedTurn } from './machine.ts';

/** Emits `calls.turn_completed`. @param n the number of the turn in its call, from 0 */
export async function reportTurn(
  { callId, direction }: { readonly callId: string; readonly direction: 'in' | 'out' },
  n: number,
  { said, saidAt, reply, isInterrupted, endedAt }: CompletedTurn,
  { bus }: { readonly bus: Pick<Bus, 'commit'> },
): Promise<void> {
  const payload = {
    ...{ callId, direction, n, isInterrupted },
    ...{ said: said.slice(0, longestText), reply: reply.slice(0, longestText) },
    ...{ saidAt: new Date(saidAt).toISOString(), at: new Date(endedAt).toISOString() },
  };
  await bus.commit(async (tx) => tx.emit(calls.turn_completed, payload));
}
const longestText = 16_384;
