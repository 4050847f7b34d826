import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import { service } from '../../bus/service.ts';
import { Id } from '../../contracts/common.ts';
import { contract, method, review } from '../../contracts/define.ts';
import { PolybError } from '../../contracts/errors.ts';
import { inbox } from '../../contracts/inbox.ts';
import { journal } from '../../contracts/journal.ts';
import { pipelines } from '../../contracts/pipelines.ts';
import { loadServices } from '../../scripts/services.ts';
import { type Scraped, scraped } from '../../scripts/testing/exposition.ts';
import { type GatewayWorld, gatewayWorld, http } from '../../scripts/testing/gateway.ts';
import { until } from '../../scripts/testing/world.ts';
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
let it: GatewayWorld;
let collector: Fixture;
beforeAll(async () => {
  it = await gatewayWorld(['crm-connector', 'call-orchestrator', 'pipelines', 'pipelines', 'intent-classifier']);
  const [telephony] = await loadServices(['telephony-gateway']);
  if (telephony === undefined) throw new Error('services/telephony-gateway is missing');
  const quick = { TELEPHONY_SIM_RING_MS: '20', TELEPHONY_SIM_TALK_MS: '30' };
  await it.world.start('telephony-gateway', telephony.service, quick);
  await it.world.start(
    'post',
    service({ serves: { post }, settings: z.object({}) }).start(async () => ({ post: { mail: { attempt, onUnknown: review } } })),
  );
  collector = await fixture(it.world);
}, 60_000);
afterAll(async () => {
  await collector?.close();
  await it?.stop();
});

async function propose(text: string): Promise<string> {
  const refused = await it.world.bus.call(post.mail, { channel: 'whatsapp', text }, { key: text }).catch((error: unknown) => error);
  return ((refused as PolybError).data as { rowId: string }).rowId;
}
const scrape = async (): Promise<readonly Scraped[]> => scraped(String((await http(it.origin)('GET', '/metrics')).body));
const is = (found: Scraped, name: string, labels: Readonly<Record<string, string>>): boolean =>
  found.name === name && Object.entries(labels).every(([label, value]) => found.labels[label] === value);

test('a run, its call, a message, its intent, decisions and a dead letter stand in the scrape, once each', async () => {
  const lead = { firstName: 'Иван', lastName: 'Иванов', phoneNumber: '+79995550001', waitMs: 8_000 };
  const run = await it.world.bus.call(pipelines.lead_to_call, lead, { key: 'lead', timeoutMs: 10_000 });
  expect(run.status).toBe('completed');
  collector.telegram.say(token, 42, 'Сколько стоят розы?');
  const [good, bad] = [await propose('good'), await propose('bad'), await propose('waits')];
  await it.world.bus.call(journal.reject, { id: good, why: 'no' });
  await it.world.bus.call(journal.approve, { id: bad });

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
    ['polyb_intents_total', { service: 'intent-classifier', intent: 'question', urgent: 'false' }, 1],
    ['polyb_approval_decision_seconds_count', { decision: 'rejected' }, 1],
    ['polyb_approval_decision_seconds_count', { decision: 'approved' }, 1],
    ['polyb_approvals_pending', { service: 'pipelines', channel: 'whatsapp' }, 1],
    ['polyb_approvals_oldest_age_seconds', { service: 'pipelines' }],
    ['polyb_reviews_pending', { service: 'pipelines' }, 0],
    ['polyb_dlq_messages', { service: 'pipelines', stream: 'post.mail' }, 1],
    ['polyb_dlq_oldest_age_seconds', { service: 'pipelines', stream: 'post.mail' }],
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
      ([name, labels, value]) => !all.some((each) => is(each, name, labels) && (value === undefined || each.value === value)),
    );
    return missing.length === 0 ? all : null;
  }, 15_000).catch((cause: unknown) => {
    throw new Error(`missing: ${JSON.stringify(missing)}`, { cause });
  });
  for (const [name, labels] of expected) {
    const series = found.filter((each) => is(each, name, labels));
    expect([name, series.length]).toEqual([name, 1]);
    // A fact of the whole system is told once, whichever of several instances was asked.
    if (/pending|dlq|oldest|active/.test(name)) expect(series[0]?.labels).not.toHaveProperty('instance');
    else expect(series[0]?.labels).toHaveProperty('instance');
  }
  const values = found.flatMap(({ labels }) => Object.values(labels)).join('\n');
  expect(values).not.toMatch(/\+?7999|(run|row|msg|chat|call)_[0-9a-z-]{20}/i);
}, 40_000);
