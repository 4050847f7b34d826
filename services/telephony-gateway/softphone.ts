/** Methods with which the page of a person makes and takes calls. */
import type { z } from 'zod';
import type { Softphones } from '../../adapters/vendors/webrtc/telephony.ts';
import type { HandlersOf, Queries } from '../../bus/service.ts';
import type { Viewer } from '../../contracts/common.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import type { softphone } from '../../contracts/softphone.ts';
import { phoneCallsOf, seePage } from './rows.ts';

interface Parts {
  readonly db: Queries;
  /** Undefined without WEBRTC_LISTEN. */
  readonly phones: () => Softphones | undefined;
}
export const calleeOf = (personId: string): string => `person:${personId}`;
export const isPerson = (to: string): boolean => to.startsWith('person:');

export function actOnPhones({ db, phones }: Parts): HandlersOf<typeof softphone> {
  const on = (): Softphones => {
    const found = phones();
    if (found !== undefined) return found;
    throw new PolybError('failed_precondition', 'Calls in a browser are off: WEBRTC_LISTEN is not set.', { reason: 'softphone_off' });
  };
  /** @throws PolybError not_found for a leg of another person */
  const own = (legId: string, viewer: z.output<typeof Viewer>): Softphones => {
    const leg = on().leg(legId);
    const person = viewer && calleeOf(viewer.personId);
    if (leg === undefined || person === undefined || (leg.direction === 'in' ? leg.from : leg.to) !== person)
      throw new PolybError('not_found', 'There is no such call at this phone.');
    return on();
  };
  return {
    async list_phone_calls({ viewer, limit }) {
      if (viewer === undefined) return { items: [] };
      // An open page polls this list, so reading it shows that the person can be called.
      await seePage(db, viewer.personId);
      return { items: await phoneCallsOf(db, calleeOf(viewer.personId), limit) };
    },
    async call_from_phone({ viewer, to, offer }) {
      if (viewer === undefined) throw new PolybError('failed_precondition', 'Only a person can call from a page.', { reason: 'no_person' });
      return await on().call({ from: calleeOf(viewer.personId), to, offer });
    },
    answer_phone_call: async ({ viewer, legId, ring, offer }) => await own(legId, viewer).take(legId, { ring, offer }),
    async refuse_phone_call({ viewer, legId, ring, cause }) {
      await own(legId, viewer).refuse(legId, { ring, cause });
      return {};
    },
    async hang_up_phone_call({ viewer, legId }) {
      own(legId, viewer).hangUp(legId);
      return {};
    },
    async hold_phone_call({ viewer, legId, on: isHeld }, { signal }) {
      const leg = own(legId, viewer).leg(legId);
      await (isHeld ? leg?.hold(signal) : leg?.resume(signal));
      return {};
    },
    async press_phone_keys({ viewer, legId, digits }) {
      own(legId, viewer).press(legId, digits);
      return {};
    },
  };
}
