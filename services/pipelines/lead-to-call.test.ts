import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startFakeGateway } from '../../adapters/telephony/http.fake.ts';
import { calls } from '../../contracts/calls.ts';
import { pipelines } from '../../contracts/pipelines.ts';
import { loadServices } from '../../runtime/services.ts';
import { type World, world } from '../../test/kit/world.ts';

const folders = ['crm-connector', 'call-orchestrator', 'telephony-gateway', 'pipelines'];
const simulated = { TELEPHONY_SIM_RING_MS: '20', TELEPHONY_SIM_TALK_MS: '30', TELEPHONY_SIM_NO_ANSWER_MS: '40' };
async function started(settings: Record<string, string>): Promise<World> {
  const it = await world();
  for (const { folder, service } of await loadServices(folders)) await it.start(folder, service, settings);
  return it;
}
async function run(it: World, phoneNumber: string, key: string) {
  const lead = { firstName: 'Иван', lastName: 'Иванов', phoneNumber, waitMs: 30_000 };
  const { status, output } = await it.bus.call(pipelines.lead_to_call, lead, { key });
  return { status, ...output };
}
/** What was asked of a method, by the journal's rows. */
async function asked(it: World, method: string, leadId: string | undefined): Promise<readonly Record<string, unknown>[]> {
  const rows = await it.store.query<{ input: Record<string, unknown> }>('select input from journal.rows where method = $1', [method]);
  return rows.map(({ input }) => input).filter((input) => JSON.stringify(input).includes(`"${leadId}"`));
}

let simulation: World;
beforeAll(async () => {
  simulation = await started(simulated);
});
afterAll(() => simulation.stop());

test('a lead whose call is answered is pushed, called and logged, and leaves no task', async () => {
  const done = await run(simulation, '+79995550001', 'answered');
  expect(done).toMatchObject({ status: 'completed', outcome: 'answered', taskId: null });
  const call = await simulation.bus.call(calls.get_call, { callId: done.callId ?? '' });
  expect(call).toMatchObject({ leadId: done.leadId, state: 'ended', outcome: 'answered', phoneNumber: '+79995550001' });
  expect(await asked(simulation, 'crm.log_call', done.leadId)).toEqual([
    expect.objectContaining({ callId: done.callId, outcome: 'answered', startedAt: call.createdAt, durationMs: 30 }),
  ]);
  expect(await asked(simulation, 'crm.create_task', done.leadId)).toEqual([]);
});

test.each([
  ['90', 'busy', 'Перезвонить: было занято'],
  ['91', 'no_answer', 'Перезвонить: не ответили'],
  ['92', 'rejected', 'Перезвонить: звонок сбросили'],
  ['93', 'failed', 'Перезвонить: не удалось позвонить'],
])('a call to a phone that ends in %s is logged as %s and leaves staff a task', async (ending, outcome, subject) => {
  const done = await run(simulation, `+799955501${ending}`, outcome);
  expect(done).toMatchObject({ status: 'completed', outcome, taskId: expect.any(String) });
  expect(await asked(simulation, 'crm.log_call', done.leadId)).toMatchObject([{ outcome, durationMs: 0 }]);
  expect(await asked(simulation, 'crm.create_task', done.leadId)).toMatchObject([{ subject, about: { kind: 'lead', id: done.leadId } }]);
});

test('the same lead sent again under its key is neither pushed nor called again', async () => {
  const one = await run(simulation, '+79995550002', 'again');
  const other = await run(simulation, '+79995550002', 'again');
  expect(other).toEqual(one);
  const { items } = await simulation.bus.call(calls.list_calls, { phoneNumber: '+79995550002' });
  expect(items).toHaveLength(1);
});

test('two leads of one phone are called one after the other', async () => {
  const runs = await Promise.all(['left', 'right'].map((key) => run(simulation, '+79995550003', key)));
  expect(runs.map(({ status }) => status)).toEqual(['completed', 'completed']);
  const { items } = await simulation.bus.call(calls.list_calls, { phoneNumber: '+79995550003' });
  const [late, early] = items;
  expect(items).toHaveLength(2);
  expect(Date.parse(late?.createdAt ?? '')).toBeGreaterThanOrEqual(Date.parse(early?.endedAt ?? ''));
});

test('through a gateway that tells nothing the phone is rung once, and the end is unknown', async () => {
  const gateway = await startFakeGateway();
  const it = await started({
    TELEPHONY_KIND: 'http',
    TELEPHONY_URL: gateway.url,
    HTTP_ALLOW_PRIVATE: new URL(gateway.url).origin,
    CALL_HOURS: '00:00-24:00',
  });
  try {
    const done = await run(it, '+79995553322', 'plain');
    expect(done).toMatchObject({ status: 'completed', outcome: 'unknown', taskId: expect.any(String) });
    expect(gateway.placed).toEqual([{ phone: '995553322' }]);
  } finally {
    await Promise.all([it.stop(), gateway.close()]);
  }
});
