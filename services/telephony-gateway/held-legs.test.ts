import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Loopback, loopback, loopbackSettings } from '../../adapters/telephony/loopback.ts';
import type { Queries, Service } from '../../bus/service.ts';
import { calls } from '../../contracts/calls.ts';
import type { OutputOf } from '../../contracts/kit/define.ts';
import { telephony } from '../../contracts/telephony.ts';
import { quiet } from '../../runtime/noop-log.ts';
import { loadServices } from '../../runtime/services.ts';
import { until, type World, world } from '../../test/kit/world.ts';
import { holdLegs } from './hold-legs.ts';
import type { Recordings } from './record-legs.ts';
import { dialogWith } from './rows.ts';

const lines = { CALL_ROUTES: '100=script' };
let it: World;
let gateway: Loopback;
beforeAll(async () => {
  it = await world();
  gateway = loopback(loopbackSettings.parse({}), { now: Date.now, log: quiet }, (phone) => {
    phone.ring();
  });
  for (const { folder, service } of await loadServices(['call-orchestrator', 'telephony-gateway'])) {
    // The real services, with a gateway whose phones the test controls and without a line script, which would also speak.
    const made: Service = {
      ...service,
      async make(parts) {
        if (folder === 'telephony-gateway') return service.make({ ...parts, vendors: { ...parts.vendors, gateway } as never });
        const running = await service.make(parts);
        return { ...running, calls: { ...running.calls, attend_leg: async () => ({ isAttended: false }) } } as unknown as typeof running; // one handler is another
      },
    };
    await it.start(folder, made, { ...lines, TELEPHONY_UNATTENDED_MS: '50' });
  }
});
afterAll(() => it.stop());

type Call = OutputOf<typeof calls.get_call>;
const callWith = (phoneNumber: string, is: (call: Call) => boolean) =>
  until(async () => (await it.bus.call(calls.list_calls, { phoneNumber })).items.find(is));
async function answered(from: string) {
  const phone = await gateway.call(from, '100');
  const call = await callWith(from, ({ state }) => state === 'answered');
  return { phone, callId: call.callId, legId: call.legId as string };
}
/** A speaker that sends items as the test supplies them. */
function speaker() {
  type Said = { id: string; audio: Uint8Array } | { mark: string } | { clear: true };
  const said: Said[] = [];
  let wake = () => {};
  let isOver = false;
  return {
    say(item: Said) {
      said.push(item);
      wake();
    },
    end() {
      isOver = true;
      wake();
    },
    async *[Symbol.asyncIterator]() {
      for (;;) {
        yield* said.splice(0);
        if (isOver) return;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}

test('a call to a line with a route is answered, and its row follows to the end', async () => {
  const { phone, callId } = await answered('+79995550001');
  expect(phone.state).toBe('talking');
  phone.hold(true);
  await callWith('+79995550001', ({ state }) => state === 'held');
  phone.hold(false);
  await callWith('+79995550001', ({ state }) => state === 'answered');
  phone.hangUp();
  const ended = await callWith('+79995550001', ({ state }) => state === 'ended');
  expect(ended).toMatchObject({
    callId,
    direction: 'in',
    line: '100',
    outcome: 'answered',
    endedBy: 'remote',
    hangUpCause: 'normal',
    q850: 16,
  });
});

test('a call to a line without a route is refused and leaves no row', async () => {
  const phone = await gateway.call('+79995550002', '999');
  await until(() => phone.state === 'ended');
  expect((await it.bus.call(calls.list_calls, { phoneNumber: '+79995550002' })).items).toEqual([]);
});

test('a caller who withholds the number and gives up before the answer leaves a cancelled call', async () => {
  const phone = await gateway.call(null, '100');
  phone.hangUp();
  const ended = await until(async () =>
    (await it.bus.call(calls.list_calls, { state: 'ended' })).items.find(({ phoneNumber }) => phoneNumber === null),
  );
  expect(ended).toMatchObject({ outcome: 'cancelled', endedBy: 'remote', needsAttention: true });
});

test('a caller who gives up before their call is stored leaves a cancelled call', async () => {
  for (const statement of [
    'create function call_orchestrator.slow() returns trigger language plpgsql as $$ begin perform pg_sleep(1); return new; end $$',
    'create trigger slow before insert on call_orchestrator.calls for each row execute function call_orchestrator.slow()',
  ])
    await it.store.query(statement);
  const phone = await gateway.call('+79995550041', '100');
  phone.hangUp();
  const call = await until(async () => (await it.bus.call(calls.list_calls, { phoneNumber: '+79995550041' })).items[0]);
  await it.store.query('drop trigger slow on call_orchestrator.calls');
  await until(async () => (await it.bus.call(calls.get_call, { callId: call.callId })).outcome === 'cancelled');
});

test('a speaker on the bus is heard, hears the person and their keys, and its stream ends with the leg', async () => {
  const { phone, legId } = await answered('+79995550003');
  const heard: Uint8Array[] = [];
  phone.hear((audio) => void heard.push(audio));
  const said = speaker();
  const [facts, frames]: [object[], Uint8Array[]] = [[], []];
  const reading = (async () => {
    for await (const item of it.bus.open(telephony.media, { legId }, said)) {
      if (item instanceof Uint8Array) frames.push(item);
      else facts.push(item);
    }
  })();
  said.say({ id: 'hello', audio: new Uint8Array(480).fill(7) });
  said.say({ mark: 'end' });
  await until(() => facts.length === 2);
  expect(facts).toEqual([
    { played: 'hello', ms: 60 },
    { played: 'end', ms: 0 },
  ]);
  expect(Buffer.concat(heard)).toEqual(Buffer.alloc(480, 7));
  phone.press('5');
  await phone.say(new Uint8Array(320).fill(9));
  await until(() => frames.length === 2 && facts.length === 3);
  expect(facts.at(-1)).toEqual({ dtmf: '5' });
  expect(Buffer.concat(frames)).toEqual(Buffer.alloc(320, 9));
  phone.hangUp();
  await reading;
});

test('a leg is acted upon at its holder: held, resumed, keys sent, music played and stopped, hung up; afterwards nobody has it', async () => {
  const { phone, legId } = await answered('+79995550004');
  const states: string[] = [];
  using _ = it.bus.hear(telephony.leg_changed, (change) => {
    if ((change as { legId: string }).legId === legId) states.push((change as { state: string }).state);
  });
  await it.bus.call(telephony.hold, { legId });
  await it.bus.call(telephony.resume, { legId });
  await it.bus.call(telephony.send_dtmf, { legId, digits: '42#' });
  expect(phone.keys).toBe('42#');
  let frames = 0;
  phone.hear(() => (frames += 1));
  await it.bus.call(telephony.play, { legId, soundId: 'hold_music' });
  await until(() => frames > 60); // more than a piece of a second
  await it.bus.call(telephony.stop, { legId });
  await it.bus.call(telephony.hang_up, { legId });
  await until(() => phone.state === 'ended');
  await expect(it.bus.call(telephony.hang_up, { legId }, { retry: false })).rejects.toMatchObject({ code: 'not_found' });
  await until(() => states.includes('ended'));
  expect(states).toEqual(['held', 'resumed', 'ended']);
});

test('legs of two people are connected, hear nothing that is said between them, and end together', async () => {
  const [one, other] = [await answered('+79995550005'), await answered('+79995550006')];
  const heard: Uint8Array[] = [];
  other.phone.hear((audio) => void heard.push(audio));
  await it.bus.call(telephony.connect, { legId: one.legId, otherLegId: other.legId });
  await one.phone.say(new Uint8Array(320).fill(3));
  await until(() => heard.length === 2);
  const said = speaker();
  const facts: object[] = [];
  const reading = (async () => {
    for await (const item of it.bus.open(telephony.media, { legId: other.legId }, said))
      if (!(item instanceof Uint8Array)) facts.push(item);
  })();
  said.say({ id: 'between', audio: new Uint8Array(480).fill(7) });
  said.say({ mark: 'end' });
  await until(() => facts.length === 3);
  expect(facts).toEqual([{ held: true }, { played: 'between', ms: 0 }, { played: 'end', ms: 0 }]);
  expect(heard).toHaveLength(2);
  const elsewhere = { legId: one.legId, otherLegId: 'leg_of_nobody' };
  await expect(it.bus.call(telephony.connect, elsewhere)).rejects.toMatchObject({ code: 'not_found' });
  other.phone.hangUp();
  await until(() => one.phone.state === 'ended');
  await reading;
});

test('a dial through a trunk that the gateway does not have is refused, and nothing rings', async () => {
  const dialled = it.bus.call(telephony.dial, { callId: 'call_1', to: '+79995550050', trunk: 'second' }, { key: 'trunk' });
  await expect(dialled).rejects.toMatchObject({ reason: 'gateway_refused', message: expect.stringMatching(/no trunk second/) });
  expect(await it.store.query(`select 1 from telephony_gateway.legs where to_number = '+79995550050'`)).toEqual([]);
});

test('legs that two instances hold are connected over the bus, and end together', async () => {
  const second = loopback(loopbackSettings.parse({}), { now: Date.now, log: quiet });
  const [found] = await loadServices(['telephony-gateway']);
  const service = found?.service as Service;
  await it.start(
    'telephony-gateway',
    { ...service, make: (parts) => service.make({ ...parts, vendors: { ...parts.vendors, gateway: second } as never }) },
    lines,
  );
  for (const ender of ['near', 'far'] as const) {
    const near = await answered(`+7999555003${ender.length}`);
    const phone = await second.call(`+7999555004${ender.length}`, '100');
    const call = await callWith(`+7999555004${ender.length}`, ({ state }) => state === 'answered');
    const [heardNear, heardFar]: [Uint8Array[], Uint8Array[]] = [[], []];
    near.phone.hear((audio) => void heardNear.push(audio));
    phone.hear((audio) => void heardFar.push(audio));
    await it.bus.call(telephony.connect, { legId: near.legId, otherLegId: call.legId ?? '' });
    await near.phone.say(new Uint8Array(480).fill(3));
    await phone.say(new Uint8Array(480).fill(4));
    await until(() => heardFar.length === 3 && heardNear.length === 3);
    expect([heardNear[0]?.[0], heardFar[0]?.[0]]).toEqual([4, 3]);
    (ender === 'near' ? near.phone : phone).hangUp();
    await until(() => near.phone.state === 'ended' && phone.state === 'ended');
  }
});

test('a leg whose speaker is gone is hung up', async () => {
  const { phone, legId } = await answered('+79995550007');
  const leave = new AbortController();
  const reading = (async () => {
    for await (const item of it.bus.open(telephony.media, { legId }, speaker(), { signal: leave.signal }))
      if ('dtmf' in item) leave.abort();
  })();
  await until(() => {
    phone.press('1');
    return leave.signal.aborted;
  });
  await reading.catch(() => {});
  await until(() => phone.state === 'ended');
});

test('a leg that plays music is not hung up when its speaker goes, but after the music', async () => {
  const { phone, legId } = await answered('+79995550060');
  const leave = new AbortController();
  const reading = (async () => {
    for await (const item of it.bus.open(telephony.media, { legId }, speaker(), { signal: leave.signal }))
      if ('dtmf' in item) leave.abort();
  })();
  await it.bus.call(telephony.play, { legId, soundId: 'hold_music' });
  await until(() => {
    phone.press('1');
    return leave.signal.aborted;
  });
  await reading.catch(() => {});
  let frames = 0;
  phone.hear(() => (frames += 1));
  await until(() => frames > 20); // far beyond the time in which a leg without a speaker is hung up
  expect(phone.state).toBe('talking');
  await it.bus.call(telephony.stop, { legId });
  await until(() => phone.state === 'ended');
});

test('a leg whose holder died ends, its call with it, and one whose holder lives does not', async () => {
  const insert = (callId: string, silentMs: number) =>
    it.store.query(
      `with leg as (
         insert into telephony_gateway.legs (leg_id, call_id, ref, direction, from_number, state, holder, heartbeat, answered_at)
         values ('leg_' || $1, $1, $1, 'in', '+79995550008', 'answered', 'another', now() - $2 * interval '1 ms', now()))
       insert into call_orchestrator.calls (call_id, direction, leg_id, phone_number, line, state, created_at, answered_at)
       values ($1, 'in', 'leg_' || $1, '+79995550008', '100', 'answered', now(), now())`,
      [callId, silentMs],
    );
  await insert('call_lost', 6_000);
  await insert('call_alive', -60_000);
  const ended = await callWith('+79995550008', ({ state }) => state === 'ended');
  expect(ended).toMatchObject({ callId: 'call_lost', outcome: 'answered', hangUpCause: 'holder_lost', endedBy: 'system' });
  expect(await it.bus.call(calls.get_call, { callId: 'call_alive' })).toMatchObject({ state: 'answered' });
  await it.store.query(`delete from telephony_gateway.legs where call_id = 'call_alive'`);
});

test('a dialog that is saved later is not overwritten by one that was saved before it and takes longer', async () => {
  await it.store.query(
    `insert into telephony_gateway.legs (leg_id, call_id, ref, direction, holder) values ('leg_saved', 'call_saved', 'saved', 'in', 'another')`,
  );
  const slow = Promise.withResolvers<void>();
  let isFirst = true;
  const held = holdLegs({
    ...{ bus: it.bus, holder: 'another', recordsAll: false, log: quiet, ended() {} },
    ...{ owned: { own() {}, release() {}, keep() {} }, recordings: {} as Recordings }, // a save needs neither
    db: {
      async query(...query) {
        const waits = isFirst;
        isFirst = false;
        if (waits) await slow.promise;
        return it.store.query(...query);
      },
    } as Queries, // one query is another
  });
  const saves = [held.save('leg_saved', { by: 'test', nth: 1 }), held.save('leg_saved', { by: 'test', nth: 2 })];
  await Promise.race([saves[1], it.store.query('select pg_sleep(0.1)')]);
  slow.resolve();
  await Promise.all(saves);
  expect(await dialogWith(it.store, { by: 'test' })).toEqual({ by: 'test', nth: 2 });
  await it.store.query(`delete from telephony_gateway.legs where leg_id = 'leg_saved'`);
});
