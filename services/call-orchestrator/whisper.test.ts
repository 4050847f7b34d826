/** A supervisor whispers to the person who has taken a call: over the real bus, with phones of a loopback gateway. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Loopback, loopback, loopbackSettings } from '../../adapters/telephony/loopback.ts';
import type { FarPhone } from '../../adapters/telephony/loopback-leg.ts';
import { operatorUser, permissions } from '../../bus/server/permissions.ts';
import type { Service } from '../../bus/service.ts';
import { connectNats } from '../../bus/transports/nats.ts';
import { calls } from '../../contracts/calls.ts';
import { decode, encode, rateHz } from '../../media/audio/g711.ts';
import { goertzel } from '../../media/audio/goertzel.ts';
import { makeTone } from '../../media/audio/tones.ts';
import { readWav, wavFile } from '../../media/audio/wav.ts';
import { quiet } from '../../runtime/noop-log.ts';
import { loadServices } from '../../runtime/services.ts';
import { type RunningServer, startNats } from '../../scripts/infra/start.ts';
import { temporaryDir } from '../../scripts/infra/temporary.ts';
import { runCommand } from '../../test/kit/command-line.ts';
import { until, type World, world } from '../../test/kit/world.ts';
import commands from './cli/commands.ts';

let nats: RunningServer;
let it: World;
let gateway: Loopback;
let dialled: (phone: FarPhone) => void = () => {};
const connected = (user: string) => connectNats({ servers: nats.url, name: user, inboxUser: user, timeoutMs: 10_000 });
beforeAll(async () => {
  nats = await startNats({ dir: temporaryDir(), temporary: true });
  it = await world(connected);
  gateway = loopback(loopbackSettings.parse({}), { now: Date.now, log: quiet }, (phone) => {
    phone.ring();
    phone.answer();
    dialled(phone);
  });
  for (const { folder, service } of await loadServices(['call-orchestrator', 'telephony-gateway'])) {
    const made: Service = { ...service, make: (parts) => service.make({ ...parts, vendors: { ...parts.vendors, gateway } }) };
    await it.start(folder, folder === 'telephony-gateway' ? made : service, { CALL_ROUTES: '100=script' });
  }
});
afterAll(async () => {
  await it?.stop();
  await nats?.stop();
});

const hz = { customer: 500, person: 900, whisper: 1_700 } as const;
const tone = (who: keyof typeof hz, ms: number): Uint8Array => encode('PCMU', makeTone({ hz: [hz[who]], ms, dbm0: -12 }));
/** The sources of the tones that a phone has heard, by its last frames with sound. */
function ears(phone: FarPhone) {
  const frames: Uint8Array[] = [];
  phone.hear((audio) => void frames.push(audio));
  const hears = (who: keyof typeof hz, samples: Int16Array): boolean => goertzel(samples, hz[who]) > loud;
  return {
    clear: () => frames.splice(0),
    hears: (who: keyof typeof hz) => frames.some((frame) => hears(who, decode('PCMU', frame))),
    both: (one: keyof typeof hz, other: keyof typeof hz) =>
      frames.some((frame) => hears(one, decode('PCMU', frame)) && hears(other, decode('PCMU', frame))),
  };
}
const loud = goertzel(makeTone({ hz: [500], ms: 20, dbm0: -30 }), 500);

let count = 0;
async function calling() {
  count += 1;
  const from = `+7999555020${count}`;
  const customer = await gateway.call(from, '100');
  const { callId } = await until(async () => (await it.bus.call(calls.list_calls, { phoneNumber: from })).items[0]);
  await until(async () => (await it.bus.call(calls.get_call, { callId })).state === 'answered');
  return { customer, callId };
}
/** A call taken by a person. */
async function taken() {
  const { customer, callId } = await calling();
  const called = Promise.withResolvers<FarPhone>();
  dialled = called.resolve;
  const to = '+79995550300';
  await it.bus.call(calls.transfer_call, { callId, to, mode: 'attended', summary: 'Заказ 17.' });
  const person = await called.promise;
  await until(async () => {
    // Keys are read once the summary begins.
    if (person.state === 'talking') person.press('1');
    return (await it.bus.call(calls.get_call, { callId })).transferredTo === to;
  });
  return { customer, person, callId, heard: { customer: ears(customer), person: ears(person) } };
}
const events = async (callId: string) =>
  (
    await it.store.query<{ payload: { step: string; by: string; to: string; spokenMs: number } }>(
      `select payload from journal.events where event = 'calls.call_whispered' and key = $1 order by id`,
      [callId],
    )
  ).map(({ payload }) => payload);
const opened = (callId: string, bus: Pick<World['bus'], 'open'> = it.bus) => {
  const over = new AbortController();
  const items = bus.open(calls.whisper, { callId }, silentFor(over.signal), { signal: over.signal })[Symbol.asyncIterator]();
  return { items, over };
};
async function* silentFor(signal: AbortSignal): AsyncGenerator<Uint8Array> {
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
}

test('the person hears the whisper with the words of the customer, the customer no sample of it, and both sides are heard', async () => {
  const { customer, person, callId, heard } = await taken();
  const [file, out] = [join(temporaryDir(), 'advice.wav'), join(temporaryDir(), 'call.wav')];
  await writeFile(file, wavFile({ rateHz, channels: 1 }, decode('PCMU', tone('whisper', 3_000))));
  const stop = new AbortController();
  let notes = '';
  const done = runCommand(commands, ['calls', 'listen', callId, '--whisper', file, '-o', out], {
    natsUrl: nats.url,
    signal: stop.signal,
    onNote: (text) => (notes += text),
  });
  // Into the silence of both.
  await until(() => heard.person.hears('whisper'));
  await Promise.all([customer.say(tone('customer', 1_000)), person.say(tone('person', 1_000))]);
  await until(() => heard.person.both('customer', 'whisper') && heard.customer.hears('person'));
  await until(() => notes.includes('everything has been said'));
  // What the person says after it, and what the customer hears until then.
  heard.person.clear();
  await person.say(tone('person', 200));
  expect(heard.customer.hears('whisper')).toBe(false);
  stop.abort();
  expect((await done).stderr).toContain('whispered 3 s');
  const { samples } = readWav(await readFile(out));
  const side = (nth: 0 | 1) => samples.filter((_, at) => at % 2 === nth);
  const share = (of: Int16Array, who: keyof typeof hz) => goertzel(of, hz[who]);
  expect(share(side(0), 'customer')).toBeGreaterThan(share(side(0), 'person'));
  expect(share(side(1), 'person')).toBeGreaterThan(share(side(1), 'customer'));
  const audited = await until(async () => ((await events(callId)).length === 2 ? await events(callId) : null));
  expect(audited).toMatchObject([
    { step: 'started', by: 'operator', to: '+79995550300', spokenMs: 0 },
    { step: 'ended', by: 'operator', spokenMs: 3_000 },
  ]);
  expect((await it.bus.call(calls.get_transcript, { callId })).entries.filter(({ text }) => /скидк/.test(text))).toEqual([]);
  customer.hangUp();
});

test('after a whisper both hear each other as before, and the end of one leg ends the other', async () => {
  const { customer, person, callId, heard } = await taken();
  const { items, over } = opened(callId);
  const first = items.next();
  first.catch(() => {}); // It is awaited below.
  await until(async () => (await events(callId)).length === 1);
  await customer.say(tone('customer', 200));
  await until(() => heard.person.hears('customer'));
  expect((await first).value).toHaveProperty('customer');
  over.abort();
  await items.return?.(undefined);
  await until(async () => (await events(callId)).length === 2);
  heard.person.clear();
  await Promise.all([customer.say(tone('customer', 400)), person.say(tone('person', 400))]);
  await until(() => heard.person.hears('customer') && heard.customer.hears('person'));
  customer.hangUp();
  await until(() => person.state === 'ended');
});

test('a whisper ends with the call', async () => {
  const { customer, callId } = await taken();
  const { items } = opened(callId);
  const all = (async () => {
    while (!(await items.next()).done);
  })();
  await until(async () => (await events(callId)).length === 1);
  customer.hangUp();
  await all.catch(() => {}); // The leg is gone.
  await until(async () => (await events(callId)).length === 2);
});

test('one supervisor whispers at a time', async () => {
  const { customer, callId } = await taken();
  const first = opened(callId);
  const begun = first.items.next();
  begun.catch(() => {}); // The call ends.
  await until(async () => (await events(callId)).length === 1);
  await customer.say(tone('customer', 100));
  await begun;
  await expect(opened(callId).items.next()).rejects.toMatchObject({ code: 'conflict', reason: 'already_whispered' });
  first.over.abort();
  customer.hangUp();
});

test('a call that no person has is refused with what to do instead, and leaves no trace in the audit', async () => {
  const { customer, callId } = await calling();
  const file = join(temporaryDir(), 'advice.wav');
  await writeFile(file, wavFile({ rateHz, channels: 1 }, decode('PCMU', tone('whisper', 100))));
  const said = await runCommand(commands, ['calls', 'listen', callId, '--whisper', file], { natsUrl: nats.url });
  expect([said.status, said.stderr]).toEqual([1, expect.stringContaining('the agent takes no advice in mid-call')]);
  const text = await runCommand(commands, ['calls', 'listen', callId, '--whisper', 'предложи скидку'], { natsUrl: nats.url });
  expect([text.status, text.stderr]).toEqual([2, expect.stringContaining('cannot read предложи скидку')]);
  expect(await events(callId)).toEqual([]);
  customer.hangUp();
  await until(async () => (await it.bus.call(calls.get_call, { callId })).state === 'ended');
  await expect(opened(callId).items.next()).rejects.toMatchObject({ reason: 'not_answered' });
});

test('on the bus the operator alone may whisper in a call, and only the orchestrator on a leg', async () => {
  const services = await loadServices(['call-orchestrator', 'telephony-gateway', 'collector', 'dialog-orchestrator']);
  const users = permissions(services.map(({ folder, service }) => ({ folder, serves: service.serves, uses: service.uses })));
  const permitted = (address: string): readonly string[] =>
    users.filter(({ publish }) => publish.allow.some((subject) => subject.includes(`.rpc.${address}`))).map(({ name }) => name);
  const operator = users.find(({ name }) => name === operatorUser);
  const isDenied = (address: string) => operator?.publish.deny.some((subject) => subject.includes(`.rpc.${address}`));
  expect([permitted('calls.whisper'), isDenied('calls.whisper')]).toEqual([[], false]);
  expect([permitted('telephony.whisper'), isDenied('telephony.whisper')]).toEqual([['call-orchestrator', 'all'], true]);
});
