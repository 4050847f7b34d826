/** Lets a supervisor speak to the person who has a call, unheard by the customer. */
import { randomUUID } from 'node:crypto';
import type { Bus, Queries, StreamHandler } from '../../bus/service.ts';
import { calls } from '../../contracts/calls.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { telephony } from '../../contracts/telephony.ts';
import { takenBy } from './consultation-rows.ts';
import { missing } from './read-calls.ts';
import { type CallRow, findCall } from './rows.ts';

const bytesPerMs = 8;

/** @throws PolybError failed_precondition: not_answered, provider_has_audio, or no_person while no person has the call */
export function whisper({
  db,
  bus,
  now,
}: {
  readonly db: Queries;
  readonly bus: Pick<Bus, 'open' | 'commit'>;
  readonly now: () => number;
}): StreamHandler<typeof calls.whisper> {
  return async function* ({ callId }, up, { signal, caller }) {
    const person = await personOf(db, (await findCall(db, callId)) ?? missing(callId));
    const whisperId = `whisper_${randomUUID()}`;
    let spokenMs = 0;
    async function* counted() {
      for await (const audio of up) {
        spokenMs += audio.length / bytesPerMs;
        yield audio;
      }
    }
    const audit = (step: 'started' | 'ended'): Promise<void> =>
      bus.commit(async (tx) =>
        tx.emit(calls.call_whispered, {
          ...{ whisperId, callId, step, by: caller, to: person.callee, spokenMs: Math.round(spokenMs) },
          at: new Date(now()).toISOString(),
        }),
      );
    // Write the audit first, so that every whisper is recorded there.
    await audit('started');
    try {
      yield* bus.open(telephony.whisper, { legId: person.legId }, counted(), { signal });
    } finally {
      await audit('ended');
    }
  };
}
async function personOf(db: Queries, call: CallRow): Promise<{ readonly legId: string; readonly callee: string }> {
  const refuse = (reason: 'not_answered' | 'provider_has_audio' | 'no_person', text: string): never => {
    throw new PolybError('failed_precondition', text, { reason });
  };
  if (call.provider !== null) return refuse('provider_has_audio', `${call.provider} has the audio of this call; nobody can whisper in it.`);
  if (call.state !== 'answered' && call.state !== 'held') return refuse('not_answered', `Nobody speaks in this call; it is ${call.state}.`);
  const taken = await takenBy(db, call.callId);
  if (taken?.legId == null)
    return refuse(
      'no_person',
      'No person of the staff has this call, and the agent takes no advice in mid-call: hand it over (polyb calls transfer --summary), or take it over (polyb calls listen --take-over).',
    );
  return { legId: taken.legId, callee: taken.callee };
}
