import { type Consumer, on } from '../../bus/service.ts';
import { settled } from '../../contracts/kit/define.ts';
import { telephony } from '../../contracts/telephony.ts';
import { decideConsultation, learnConsultationLeg } from './consultation-rows.ts';
import { finishCall } from './finish-call.ts';
import { callIdOfKey, learnLeg, unknownEnd } from './rows.ts';

/** A failed dial ends its call or consultation as failed; a dial that reports no end ends it at once as unknown. */
export function onDialSettled(now: () => number): Consumer {
  return on(settled(telephony.dial), async ({ key, state, output }, tx) => {
    const callId = await callIdOfKey(tx, key);
    if (callId === null) {
      if ((await learnConsultationLeg(tx, key, output?.legId ?? null)) && state !== 'done')
        await decideConsultation(tx, key, 'failed', new Date(now()));
      return;
    }
    if (state !== 'done') return finishCall(tx, callId, { ...unknownEnd, outcome: 'failed' }, new Date(now()));
    if (output === null) return;
    await learnLeg(tx, callId, output.legId);
    if (!output.reportsEnd) await finishCall(tx, callId, unknownEnd, new Date(now()));
  });
}
