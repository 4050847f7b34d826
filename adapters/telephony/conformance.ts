/** Tests that every telephony adapter must pass. */
import { describe, expect, test } from '@jest/globals';
import type { Database } from '../deps.ts';
import type { LegChange, Telephony } from './port.ts';

export interface Subject {
  readonly telephony: Telephony;
  /** Phones of all calls placed by the gateway. */
  placed(): Promise<readonly string[]>;
  /** A phone that the gateway refuses to call; alternatively `refuse` makes it refuse the next call. */
  readonly refused?: string;
  refuse?(): void;
  /** Present if legs can be followed. */
  readonly db?: Database;
}
interface Abilities {
  /** The gateway stores the reference: it places one call for each, and can find it again. */
  readonly referenced: boolean;
  /** Changes of legs are pulled, and legs can be controlled. */
  readonly followed: boolean;
}
const phone = '+79995553322';
const signal = AbortSignal.timeout(60_000);

export function telephonyConformance(name: string, { referenced, followed }: Abilities, setup: () => Promise<Subject>): void {
  const dial = ({ telephony }: Subject, callId: string, to = phone) => telephony.dial.attempt({ callId, to }, { ref: callId, signal });

  describe(`${name} as telephony`, () => {
    test('a dialled phone is rung once, and the reply says whether the end will be reported', async () => {
      const subject = await setup();
      const leg = await dial(subject, 'call_1');
      expect(leg).toEqual({ legId: expect.stringMatching(/^.{1,64}$/), reportsEnd: subject.telephony.reportsEnd });
      expect(await subject.placed()).toHaveLength(1);
    });

    test('a definite refusal rings no phone and says so', async () => {
      const subject = await setup();
      subject.refuse?.();
      const dialling = dial(subject, 'call_1', subject.refused);
      await expect(dialling).rejects.toMatchObject({ code: 'failed_precondition', reason: 'gateway_refused', outcome: 'not_executed' });
      expect(await subject.placed()).toEqual([]);
    });

    test('an unknown outcome is looked up where the gateway keeps references, and left to a person elsewhere', async () => {
      const { telephony } = await setup();
      expect(telephony.dial.onUnknown.do).toBe(referenced ? 'look_up' : 'review');
    });

    test('a leg that is not there, or that cannot be acted upon, is refused', async () => {
      const { telephony } = await setup();
      const refusal = { code: followed ? 'not_found' : 'unimplemented', outcome: 'not_executed' };
      await expect(telephony.hangUp('no_such_leg', signal)).rejects.toMatchObject(refusal);
      await expect(telephony.transfer('no_such_leg', phone, signal)).rejects.toMatchObject(refusal);
    });

    if (referenced) {
      test('a call is found by its reference, and one that was not placed is not', async () => {
        const subject = await setup();
        const leg = await dial(subject, 'call_1');
        const { onUnknown } = subject.telephony.dial;
        if (onUnknown.do !== 'look_up') throw new Error('nothing to look up with');
        const unknown = (ref: string) => ({ ref, input: { callId: ref, to: '+79995553322' }, attemptedAt: Date.now() });
        expect(await onUnknown.find(unknown('call_1'), signal)).toEqual(leg);
        expect(await onUnknown.find(unknown('call_2'), signal)).toBeNull();
      });

      test('a reference used again, even at the same time, rings once', async () => {
        const subject = await setup();
        const legs = await Promise.all(Array.from({ length: 5 }, () => dial(subject, 'call_1')));
        expect(new Set(legs.map(({ legId }) => legId)).size).toBe(1);
        expect(await subject.placed()).toHaveLength(1);
      });
    }

    if (followed)
      test('concurrent followers receive each change of each leg once, and those of one leg in order', async () => {
        const subject = await setup();
        const { telephony, db } = subject;
        const calls = Array.from({ length: 20 }, (_, n) => `call_${n}`);
        await Promise.all(calls.map((callId) => dial(subject, callId)));
        const told: LegChange[] = [];
        const follow = async () => {
          for (;;) {
            const due = await db?.transaction((tx) => telephony.legs?.due(tx, Date.now(), 7) ?? Promise.reject(new Error('no legs')));
            if (due === undefined) throw new Error('no database');
            told.push(...due.changes);
            if (due.nextAt === null) return;
          }
        };
        await Promise.all([follow(), follow(), follow()]);
        for (const callId of calls)
          expect(told.filter((change) => change.callId === callId).map(({ state, outcome }) => [state, outcome])).toEqual([
            ['ringing', null],
            ['answered', null],
            ['ended', 'answered'],
          ]);
      });
  });
}
