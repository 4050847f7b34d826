/** Tests that every gateway with held legs must pass: audio, keys and the life of a leg, in both directions. */
import { afterEach, describe, expect, test } from '@jest/globals';
import type { Leg, LegChange, LegHost, LegServer, MediaFact, Telephony } from './port.ts';

/** The phone at the far end of a leg, which a test controls. */
export interface RemotePhone {
  answer(): void | Promise<void>;
  hangUp(): void | Promise<void>;
  hold(isHeld: boolean): void | Promise<void>;
  press(digits: string): void | Promise<void>;
  /** Speaks; resolves when the audio has been played. */
  say(audio: Uint8Array): Promise<void>;
  /** All audio heard so far, in PCMU, without the silence between. */
  heard(): Uint8Array;
  /** Keys received so far. */
  keys(): string;
}
export interface MediaSubject {
  readonly telephony: Telephony & Required<Pick<Telephony, 'start' | 'leg'>>;
  /** The phone that rings for this call. */
  dialled(callId: string): RemotePhone | undefined;
  /** Makes an inbound call. */
  call(from: string | null, to: string): Promise<RemotePhone>;
  close?(): Promise<void>;
}
type Until = <T>(look: () => T | null | undefined | false) => Promise<T>;
interface Fixture extends MediaSubject {
  readonly reports: string[];
  readonly changes: LegChange[];
  readonly offered: Leg[];
  readonly server: LegServer;
  dial(callId?: string, ref?: string): Promise<string>;
  /** Dials a leg that is answered. */
  talk(
    callId?: string,
  ): Promise<{ readonly leg: Leg; readonly phone: RemotePhone; readonly facts: MediaFact[]; readonly frames: Uint8Array[] }>;
}
const signal = AbortSignal.timeout(120_000);
/** A sound of `ms` milliseconds in which no two parts of 20 ms are equal. */
const sound = (ms: number, seed = 1): Uint8Array => Uint8Array.from({ length: ms * 8 }, (_, n) => 1 + ((n * n * seed + 13 * n) % 100));
const join = (parts: readonly Uint8Array[]): Buffer => Buffer.concat(parts);
const playedOf = (facts: readonly MediaFact[], id: string): number | undefined =>
  facts.flatMap((fact) => ('played' in fact && fact.played === id ? [fact.ms] : []))[0];

/** @param until resolves with the result of `look`, and fails after a while */
export function mediaConformance(name: string, until: Until, setup: () => Promise<MediaSubject>): void {
  let open: { close(): Promise<void> }[] = [];
  afterEach(async () => {
    await Promise.all(open.map((each) => each.close()));
    open = [];
  });
  async function fixture(): Promise<Fixture> {
    const subject = await setup();
    const { telephony } = subject;
    const reports: string[] = [];
    const changes: LegChange[] = [];
    const offered: Leg[] = [];
    const held = new Map<string, string>();
    const host: LegHost = {
      async hold({ legId, callId }, ref) {
        if (held.has(ref)) return false;
        held.set(ref, legId);
        reports.push(`${callId} held`);
        return true;
      },
      find: async (ref) => held.get(ref) ?? null,
      saved: async () => null,
      release: async () => {},
      save: async () => {},
      failed() {},
      changed(change) {
        changes.push(change);
        reports.push(`${change.callId} ${change.state}`);
      },
      offered: (leg) => void offered.push(leg),
      answered: ({ callId }) => void reports.push(`${callId} attend`),
    };
    const server = await telephony.start(host);
    open.push(server, ...(subject.close === undefined ? [] : [{ close: subject.close }]));
    const dial = async (callId = 'call_1', ref = callId) =>
      (await telephony.dial.attempt({ callId, to: '+79995553322' }, { ref, signal })).legId;
    return {
      ...{ ...subject, reports, changes, offered, server, dial },
      async talk(callId = 'call_1') {
        const legId = await dial(callId);
        const phone = await until(() => subject.dialled(callId));
        await phone.answer();
        await until(() => changes.some((change) => change.legId === legId && change.state === 'answered'));
        const leg = telephony.leg(legId) as Leg;
        const facts: MediaFact[] = [];
        const frames: Uint8Array[] = [];
        leg.media.listen({ frame: (audio) => void frames.push(audio), fact: (fact) => void facts.push(fact) });
        return { leg, phone, facts, frames };
      },
    };
  }
  const ended = (at: Fixture, callId = 'call_1') =>
    until(() => at.changes.find((change) => change.callId === callId && change.state === 'ended'));

  describe(`${name} as a gateway with audio`, () => {
    test('a dialled leg is known before anything is reported of it, and the answer is reported in its tick', async () => {
      const at = await fixture();
      const { leg } = await at.talk();
      const mine = at.reports.filter((report) => !report.endsWith('early'));
      expect(mine.filter((report) => report !== 'call_1 ringing')).toEqual(['call_1 held', 'call_1 answered', 'call_1 attend']);
      expect(leg).toMatchObject({ callId: 'call_1', direction: 'out', to: '+79995553322' });
    });

    test('a reference used again rings no second phone', async () => {
      const at = await fixture();
      const first = await at.dial('call_1', 'ref_1');
      expect(await at.dial('call_2', 'ref_1')).toBe(first);
      expect(at.dialled('call_2')).toBeUndefined();
    });

    test('chunks are heard in order, each is reported after it was heard, and a mark after all before it', async () => {
      const at = await fixture();
      const { leg, phone, facts } = await at.talk();
      const parts = [sound(60, 3), sound(100, 5), sound(40, 7)];
      for (const [n, audio] of parts.entries()) leg.media.play({ id: `part_${n}`, audio });
      leg.media.mark('end');
      await until(() => playedOf(facts, 'end') !== undefined);
      expect(facts.flatMap((fact) => ('played' in fact ? [fact.played] : []))).toEqual(['part_0', 'part_1', 'part_2', 'end']);
      expect(playedOf(facts, 'part_1')).toBe(100);
      await until(() => join([phone.heard()]).includes(join(parts)));
    });

    test('a mark of a leg that plays nothing is reported at once', async () => {
      const at = await fixture();
      const { leg, facts } = await at.talk();
      leg.media.mark('nothing');
      await until(() => playedOf(facts, 'nothing') !== undefined);
    });

    test('what is cleared is not heard, and is reported with the time that was', async () => {
      const at = await fixture();
      const { leg, phone, facts } = await at.talk();
      for (let n = 0; n < 10; n += 1) leg.media.play({ id: `part_${n}`, audio: sound(1_000, n + 1) });
      leg.media.mark('end');
      await until(() => phone.heard().length >= 800);
      leg.media.clear();
      await until(() => playedOf(facts, 'end') !== undefined);
      expect(playedOf(facts, 'part_9')).toBe(0);
      leg.media.play({ id: 'after', audio: sound(40, 77) });
      await until(() => join([phone.heard()]).includes(join([sound(40, 77)])));
      expect(phone.heard().length).toBeLessThan(60_000);
    });

    test('what the person says arrives in frames of 20 ms', async () => {
      const at = await fixture();
      const { phone, frames } = await at.talk();
      await phone.say(sound(100, 3));
      await until(() => join(frames).includes(join([sound(100, 3)])));
      expect(new Set(frames.map(({ length }) => length))).toEqual(new Set([160]));
    });

    test('keys arrive once each, in both directions', async () => {
      const at = await fixture();
      const { leg, phone, facts } = await at.talk();
      await phone.press('15#');
      await until(() => facts.filter((fact) => 'dtmf' in fact).length >= 3);
      expect(facts.flatMap((fact) => ('dtmf' in fact ? [fact.dtmf] : [])).join('')).toBe('15#');
      leg.sendDtmf('42*');
      await until(() => phone.keys() === '42*');
    });

    test.each(['system', 'phone'] as const)('on hold by the %s nothing is heard, and it goes on after it', async (who) => {
      const at = await fixture();
      const { leg, phone, facts } = await at.talk();
      const hold = async (isHeld: boolean) => {
        if (who === 'phone') await phone.hold(isHeld);
        else await (isHeld ? leg.hold(signal) : leg.resume(signal));
      };
      const states = () => at.changes.map(({ state }) => state).filter((state) => state === 'held' || state === 'resumed');
      await hold(true);
      await until(() => states().length === 1);
      const before = phone.heard().length;
      leg.media.play({ id: 'late', audio: sound(60, 9) });
      await phone.press('1');
      await until(() => facts.some((fact) => 'dtmf' in fact) || facts.some((fact) => 'held' in fact));
      expect(phone.heard().length).toBe(before);
      await hold(false);
      await until(() => states().length === 2);
      expect(states()).toEqual(['held', 'resumed']);
      leg.media.play({ id: 'fresh', audio: sound(60, 11) });
      await until(() => join([phone.heard()]).includes(join([sound(60, 11)])));
      expect(join([phone.heard()]).includes(join([sound(60, 9)]))).toBe(false);
    });

    test('a person who hangs up ends the leg, also while something plays, and what was queued is reported', async () => {
      const at = await fixture();
      const { leg, phone, facts } = await at.talk();
      leg.media.play({ id: 'long', audio: sound(1_000) });
      await until(() => phone.heard().length > 0);
      await phone.hangUp();
      expect(await ended(at)).toMatchObject({ outcome: 'answered', endedBy: 'remote', hangUpCause: 'normal' });
      await until(() => playedOf(facts, 'long') !== undefined);
      expect(playedOf(facts, 'long')).toBeLessThan(1_000);
      expect(at.telephony.leg(leg.legId)).toBeUndefined();
      expect(() => leg.media.play({ id: 'late', audio: sound(20) })).toThrow(expect.objectContaining({ reason: 'not_answered' }));
    });

    test('a leg that the system hangs up ends once', async () => {
      const at = await fixture();
      const { leg } = await at.talk();
      await leg.hangUp(signal);
      await leg.hangUp(signal);
      expect(await ended(at)).toMatchObject({ outcome: 'answered', endedBy: 'system' });
      expect(at.changes.filter(({ state }) => state === 'ended')).toHaveLength(1);
    });

    test('a leg that the system hangs up before the answer was cancelled', async () => {
      const at = await fixture();
      const legId = await at.dial();
      await until(() => at.dialled('call_1'));
      await at.telephony.leg(legId)?.hangUp(signal);
      expect(await ended(at)).toMatchObject({ outcome: 'cancelled', endedBy: 'system' });
    });

    test('an inbound leg is offered and answered', async () => {
      const at = await fixture();
      const phone = await at.call('+79995550001', '100');
      const leg = await until(() => at.offered[0]);
      expect(leg).toMatchObject({ direction: 'in', from: '+79995550001', to: '100' });
      await leg.answer(signal);
      const heard: MediaFact[] = [];
      leg.media.listen({ frame() {}, fact: (fact) => void heard.push(fact) });
      await phone.press('7');
      await until(() => heard.some((fact) => 'dtmf' in fact && fact.dtmf === '7'));
      expect(at.reports.filter((report) => !report.endsWith('ringing')).map((report) => report.split(' ')[1])).toEqual([
        'held',
        'answered',
        'attend',
      ]);
    });

    test('an inbound leg that is refused was never answered', async () => {
      const at = await fixture();
      await at.call(null, '100');
      const leg = await until(() => at.offered[0]);
      expect(leg.from).toBeNull();
      await leg.reject('busy', signal);
      expect(await ended(at, leg.callId)).toMatchObject({ outcome: 'busy', hangUpCause: 'busy', endedBy: 'system' });
      expect(at.changes.map(({ state }) => state)).not.toContain('answered');
    });

    test('the people of connected legs hear each other, and parted again they do not', async () => {
      const at = await fixture();
      const [one, other] = [await at.talk('call_1'), await at.talk('call_2')];
      one.leg.connect(other.leg);
      await Promise.all([one.phone.say(sound(60, 3)), other.phone.say(sound(60, 5))]);
      await until(() => join([other.phone.heard()]).includes(join([sound(60, 3)])));
      await until(() => join([one.phone.heard()]).includes(join([sound(60, 5)])));
      other.leg.connect(null);
      await one.phone.say(sound(60, 17));
      await until(() => join(one.frames).includes(join([sound(60, 17)])));
      expect(join([other.phone.heard()]).includes(join([sound(60, 17)]))).toBe(false);
    });

    test('an instance that drains takes no new leg and waits for the last one', async () => {
      const at = await fixture();
      const { leg } = await at.talk();
      let isDrained = false;
      const draining = at.server.drain(signal).then(() => (isDrained = true));
      await expect(at.dial('call_2')).rejects.toMatchObject({ outcome: 'not_executed' });
      expect(isDrained).toBe(false);
      await leg.hangUp(signal);
      await draining;
    });
  });
}
