import type { Call as BusCall, Handler, Queries } from '../../bus/service.ts';
import type { calls } from '../../contracts/calls.ts';
import { narrowedTo } from '../../contracts/common.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { telephony } from '../../contracts/telephony.ts';
import { missing } from './read-calls.ts';
import { findCall } from './rows.ts';

export function getRecording(db: Queries, call: BusCall): Handler<typeof calls.get_recording> {
  return async ({ callId, viewer, offset, length }, { signal }) => {
    const { recordingId, state, provider } = (await findCall(db, callId, narrowedTo(viewer))) ?? missing(callId);
    if (provider !== null)
      throw new PolybError('failed_precondition', `The audio of this call never left ${provider}: there is no recording of it here.`, {
        reason: 'not_kept',
      });
    if (recordingId === null)
      throw new PolybError(
        'failed_precondition',
        state === 'ended' ? 'The call was not recorded.' : 'A recording can be read once the call has ended.',
        { reason: 'not_kept' },
      );
    return await call(telephony.read_recording, { recordingId, offset, length }, { signal });
  };
}
