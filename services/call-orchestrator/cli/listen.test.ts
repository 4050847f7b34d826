import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Loopback, loopback, loopbackSettings } from '../../../adapters/telephony/loopback.ts';
import type { FarPhone } from '../../../adapters/telephony/loopback-leg.ts';
import type { Service } from '../../../bus/service.ts';
import { connectNats } from '../../../bus/transports/nats.ts';
import { calls } from '../../../contracts/calls.ts';
import { quiet } from '../../../runtime/noop-log.ts';
import { loadServices } from '../../../runtime/services.ts';
import { type RunningServer, startNats } from '../../../scripts/infra/start.ts';
import { temporaryDir } from '../../../scripts/infra/temporary.ts';
import { runCommand } from '../../../test/kit/command-line.ts';
import { until, type World, world } from '../../../test/kit/world.ts';
import commands from './commands.ts';

let nats: RunningServer;
let it: World;
let gateway: Loopback;
/** The phone called last. */
let supervisor: FarPhone | undefined;
beforeAll(async () => {
  nats = await startNats({ dir: temporaryDir(), temporary: true });
  it = await world((user) => connectNats({ servers: nats.url, name: user, inboxUser: user, timeoutMs: 10_000 }));
  gateway = loopback(loopbackSettings.parse({}), { now: Date.now, log: quiet }, (phone) => {
    supervisor = phone;
    phone.ring();
    phone.answer();
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

test('a supervisor who listens takes the call over, and the command says so', async () => {
  const from = '+79995550101';
  const customer = await gateway.call(from, '100');
  const { callId } = await until(async () => (await it.bus.call(calls.list_calls, { phoneNumber: from })).items[0]);
  await until(() => customer.state === 'talking');
  const words = [
    'calls',
    'listen',
    callId,
    '-o',
    join(temporaryDir(), 'call.wav'),
    '--take-over',
    '+79995550102',
    '--summary',
    'Анна, заказ 17.',
  ];
  let notes = '';
  const done = runCommand(commands, words, { natsUrl: nats.url, onNote: (text) => (notes += text) });
  await until(() => supervisor?.state === 'talking');
  expect(notes).toContain('+7999***0102 is called, and hears: Анна, заказ 17.');
  await until(() => {
    // Keys are read once the summary begins.
    supervisor?.press('1');
    return notes.includes('+7999***0102 has taken over the call');
  });
  customer.hangUp();
  expect((await done).status).toBe(0);
});

test('a call that cannot be taken over ends the command with the reason', async () => {
  const from = '+79995550103';
  const customer = await gateway.call(from, '100');
  const { callId } = await until(async () => (await it.bus.call(calls.list_calls, { phoneNumber: from })).items[0]);
  await until(() => customer.state === 'talking');
  const file = join(temporaryDir(), 'call.wav');
  const said = await runCommand(commands, ['calls', 'listen', callId, '-o', file, '--take-over', 'nobody'], { natsUrl: nats.url });
  expect([said.status, said.stderr]).toEqual([2, expect.stringContaining('to')]);
  customer.hangUp();
});
