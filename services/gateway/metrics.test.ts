import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import { service } from '../../bus/service.ts';
import { Id } from '../../contracts/common.ts';
import { inbox } from '../../contracts/inbox.ts';
import { journal } from '../../contracts/journal.ts';
import { contract, method, review } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { counter } from '../../contracts/kit/metric.ts';
import { pipelines } from '../../contracts/pipelines.ts';
import { loadServices } from '../../runtime/services.ts';
import { type Scraped, scraped } from '../../test/kit/exposition.ts';
import { type GatewayWorld, gatewayWorld, http } from '../../test/kit/gateway.ts';
import { until } from '../../test/kit/world.ts';
import { type Fixture, fixture, token } from '../collector/fixture.ts';

const post = contract('post', '1.0.0', {
  mail: method({
    summary: 'x',
    input: z.strictObject({ channel: z.enum(['telegram', 'whatsapp']), text: z.string().max(20) }),
    output: z.object({ mailId: Id }),
    idempotency: 'keyed',
    approval: 'staff',
  }),
});
const attempt = async ({ text }: { readonly text: string }): Promise<{ mailId: string }> => {
  if (text === 'bad') throw new PolybError('failed_precondition', 'Nobody lives there.');
  return { mailId: text };
};
const flooded = counter('flooded_total', { help: 'Flooded.', labels: { nth: 'any', how: 'any' } });
let it: GatewayWorld;
let collector: Fixture;
beforeAll(async () => {
  it = await gatewayWorld(['crm-connector', 'call-orchestrator', 'journal', 'journal', 'pipelines', 'pipelines', 'intent-classifier']);
  const [telephony] = await loadServices(['telephony-gateway']);
  if (telephony === undefined) throw new Error('services/telephony-gateway is missing');
  const quick = { TELEPHONY_SIM_RING_MS: '20', TELEPHONY_SIM_TALK_MS: '30' };
  await it.world.start('telephony-gateway', telephony.service, quick);
  await it.world.start(
    'post',
    service({ serves: { post }, settings: z.object({}) }).start(async ({ metrics }) => {
      for (let nth = 0; nth < 5_000; nth += 1) metrics.count(flooded, { nth: String(nth), how: 'x'.repeat(200) });
      return { post: { mail: { attempt, onUnknown: review } } };
    }),
  );
  collector = await fixture(it.world);
});
afterAll(async () => {
  await collector?.close();
  await it?.stop();
});

async function propose(text: string): Promise<string> {
  const refused = await it.world.bus.call(post.mail, { channel: 'whatsapp', text }, { key: text }).catch((error: unknown) => error);
  return ((refused as PolybError).data as { rowId: string }).rowId;
}
const scrape = async (origin = it.origin): Promise<readonly Scraped[]> => scraped(String((await http(origin)('GET', '/metrics')).body));
const is = (found: Scraped, name: string, labels: Readonly<Record<string, string>>): boolean =>
  found.name === name && Object.entries(labels).every(([label, value]) => found.labels[label] === value);

test('a run, its call, a message, its intent, decisions and a dead letter stand in the scrape, once each', async () => {
  const lead = { firstName: 'Иван', lastName: 'Иванов', phoneNumber: '+79995550001', waitMs: 30_000 };
  const run = await it.world.bus.call(pipelines.lead_to_call, lead, { key: 'lead' });
  expect(run.status).toBe('completed');
  collector.telegram.say(token, 42, 'Сколько стоят розы?');
  collector.telegram.update(token, { shiny_new_thing: { id: 1 } });
  const [good, bad] = [await propose('good'), await propose('bad'), await propose('waits')];
  await it.world.bus.call(journal.reject, { id: good, why: 'no' });
  await it.world.bus.call(journal.approve, { id: bad });
  await until(async () => (await it.world.bus.call(journal.list, { view: 'dead_letters' })).items.length > 0 || null);

  const pipeline = 'pipelines.lead_to_call';
  const expected: readonly (readonly [name: string, labels: Readonly<Record<string, string>>, value?: number])[] = [
    ['polyb_pipeline_runs_total', { service: 'pipelines', pipeline, outcome: 'done' }, 1],
    ['polyb_pipeline_run_duration_seconds_count', { pipeline }, 1],
    ...['pushed', 'call', 'logged'].map(
      (step) => ['polyb_pipeline_step_duration_seconds_count', { pipeline, step, outcome: 'done' }, 1] as const,
    ),
    ['polyb_calls_total', { service: 'call-orchestrator', direction: 'out', outcome: 'answered' }, 1],
    ['polyb_calls_active', { service: 'call-orchestrator' }, 0],
    ['polyb_messages_total', { service: 'collector', channel: 'telegram', direction: 'in' }, 1],
    ['polyb_updates_unread_total', { service: 'collector', channel: 'telegram', type: 'shiny_new_thing' }, 1],
    ['polyb_intents_total', { service: 'intent-classifier', intent: 'question', urgent: 'false' }, 1],
    ['polyb_approval_decision_seconds_count', { decision: 'rejected' }, 1],
    ['polyb_approval_decision_seconds_count', { decision: 'approved' }, 1],
    ['polyb_approvals_pending', { service: 'journal', channel: 'whatsapp' }, 1],
    ['polyb_approvals_oldest_age_seconds', { service: 'journal' }],
    ['polyb_reviews_pending', { service: 'journal' }, 0],
    ['polyb_dlq_messages', { service: 'journal', stream: 'post.mail' }, 1],
    ['polyb_dlq_oldest_age_seconds', { service: 'journal', stream: 'post.mail' }],
    ['messaging_client_sent_messages_total', { service: 'collector', messaging_destination_template: inbox.message_received.address }, 1],
    [
      'messaging_client_consumed_messages_total',
      { service: 'intent-classifier', messaging_destination_template: inbox.message_received.address },
      1,
    ],
    [
      'messaging_process_duration_seconds_count',
      { service: 'intent-classifier', messaging_destination_template: inbox.message_received.address },
      1,
    ],
    ['polyb_provider_requests_total', { service: 'collector', provider: 'telegram.bot_api', operation: 'getUpdates', outcome: 'ok' }],
  ];
  let missing: typeof expected = [];
  const found = await until(async () => {
    const all = await scrape();
    missing = expected.filter(
      ([name, labels, value]) =>
        !all.some((each) => is(each, name, labels) && (value === undefined ? each.value !== 0 : each.value === value)),
    );
    return missing.length === 0 ? all : null;
  }).catch((cause: unknown) => {
    throw new Error(`missing: ${JSON.stringify(missing)}`, { cause });
  });
  for (const [name, labels, value] of expected) {
    // The other instance of the service has counted nothing.
    const series = found.filter((each) => is(each, name, labels) && (value === 0 || each.value !== 0));
    expect([name, series.length]).toEqual([name, 1]);
    // A fact of the whole system is exported once, from any of several instances.
    if (/pending|dlq|oldest|active/.test(name)) expect(series[0]?.labels).not.toHaveProperty('instance');
    else expect(series[0]?.labels).toHaveProperty('instance');
  }
  const values = found.flatMap(({ labels }) => Object.values(labels)).join('\n');
  expect(values).not.toMatch(/\+?7999|(run|row|msg|chat|call)_[0-9a-z-]{20}/i);
});

test('promtool finds no fault in a scrape', async () => {
  const { body } = await http(it.origin)('GET', '/metrics');
  const checked = spawnSync('promtool', ['check', 'metrics'], { input: String(body), encoding: 'utf8' });
  if ((checked.error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT')
    return console.warn('promtool is not installed: not checked');
  // The flood below counts into a family whose name is made up for it.
  const faults = checked.stderr.split('\n').filter((line) => line !== '' && !line.startsWith('flooded_total'));
  expect(faults).toEqual([]);
});

test('counters whose labels are known stand at 0 before anything happens', async () => {
  const found = await scrape();
  for (const [name, labels] of [
    ['polyb_calls_total', { direction: 'out', outcome: 'busy' }],
    ['polyb_pipeline_runs_total', { pipeline: 'pipelines.lead_to_call', outcome: 'failed' }],
    ['polyb_messages_total', { channel: 'whatsapp', direction: 'out' }],
    ['polyb_intents_total', { intent: 'complaint', urgent: 'true' }],
    ['polyb_rpc_server_dropped_total', { rpc_method: 'crm.find_contact' }],
    ['polyb_bus_reconnects_total', { service: 'collector' }],
  ] as const)
    expect([name, found.find((each) => is(each, name, labels))?.value]).toEqual([name, 0]);
});

test('a service that should answer and never did is a 0 and a warning, also for a gateway that has just started', async () => {
  const { origin } = await it.startGateway({ GATEWAY_EXPECTED_SERVICES: 'pipelines,nobody-there' });
  const found = await scrape(origin);
  const ready = (service: string) => found.filter((each) => is(each, 'polyb_service_ready', { service })).map(({ value }) => value);
  expect([ready('pipelines'), ready('nobody-there')]).toEqual([[1], [0]]);
  expect((await http(origin)('GET', '/health')).body).toMatchObject({
    status: 'warn',
    checks: { 'service:nobody-there': [{ status: 'warn' }] },
  });
});

test('a scrape of self has figures of this gateway alone, so that two gateways add up to no double', async () => {
  const { hosted, origin } = await it.startGateway();
  const all = scraped(String((await http(origin)('GET', '/metrics?of=self')).body));
  const instances = new Set(all.flatMap(({ labels }) => (labels.instance === undefined ? [] : [labels.instance])));
  expect([...instances]).toEqual([hosted.bus.instance]);
  expect((await http(origin)('GET', '/metrics?of=both')).status).toBe(400);
});

test('a flood of labels is counted in full in a bounded number of series', async () => {
  const found = (await scrape()).filter(({ name }) => name === 'flooded_total');
  expect(found).toHaveLength(501);
  expect(found.reduce((sum, { value }) => sum + value, 0)).toBe(5_000);
  expect(found.find(({ labels }) => labels.nth === '_OTHER')?.value).toBe(4_500);
});

test('a database that hangs costs a scrape the gauges that need it, and no instance', async () => {
  // Both are new, so that no earlier scrape is cached.
  const [loaded] = await loadServices(['pipelines']);
  if (loaded === undefined) throw new Error('services/pipelines is missing');
  const { instance } = (await it.world.start('pipelines', loaded.service)).bus;
  const { origin } = await it.startGateway();
  const locked = Promise.withResolvers<void>();
  const over = Promise.withResolvers<void>();
  const holding = it.world.store.transaction(async (tx) => {
    await tx.query('lock table journal.rows, call_orchestrator.calls in access exclusive mode');
    locked.resolve();
    await over.promise;
  });
  await locked.promise;
  try {
    const began = performance.now();
    const found = await scrape(origin);
    expect(performance.now() - began).toBeLessThan(8_000); // PostgreSQL stops waiting for a lock after ten.
    expect(found.filter((each) => is(each, 'process_resident_memory_bytes', { service: 'pipelines', instance }))).toHaveLength(1);
    expect(found.filter((each) => is(each, 'polyb_service_ready', { service: 'pipelines' }))).toMatchObject([{ value: 1 }]);
  } finally {
    over.resolve();
    await holding;
  }
});
