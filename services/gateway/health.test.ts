import { LLMock } from '@copilotkit/aimock';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import { type TelegramFake, telegramFake } from '../../adapters/vendors/telegram/fake.ts';
import { service } from '../../bus/service.ts';
import { inbox } from '../../contracts/inbox.ts';
import { intents } from '../../contracts/intents.ts';
import { contract, method } from '../../contracts/kit/define.ts';
import { loadServices } from '../../runtime/services.ts';
import { freePort } from '../../scripts/infra/ready.ts';
import { type GatewayWorld, gatewayWorld, http } from '../../test/kit/gateway.ts';
import { until } from '../../test/kit/world.ts';
import { ownLines, readModel } from '../intent-classifier/model-file.ts';

const post = contract('post', '1.0.0', {
  ping: method({ summary: 'x', input: z.strictObject({}), output: z.object({}), idempotency: 'read' }),
});
const token = '7001:AAAA-test';
const updates = 'telegram:updates of 7001';
const model = 'llm:openai/gpt-4.1-mini';
let it: GatewayWorld;
let telegram: TelegramFake;
let emulator: LLMock;
beforeAll(async () => {
  telegram = await telegramFake({ tokens: [token] });
  emulator = new LLMock({ port: 0 });
  await emulator.start();
  emulator.on({ predicate: () => true }, { content: JSON.stringify({ intent: 'interest', isUrgent: false, howSure: 'sure' }) });
  it = await gatewayWorld([]);
  const settings = {
    TELEGRAM_BOT_TOKENS: token,
    TELEGRAM_API_ROOT: telegram.url,
    LLM_KIND: 'openai',
    OPENAI_API_KEY: 'test',
    OPENAI_BASE_URL: `${emulator.url}/v1`,
    HTTP_ALLOW_PRIVATE: `${telegram.url},${new URL(emulator.url).origin}`,
  };
  for (const { folder, service } of await loadServices(['collector', 'intent-classifier'])) await it.world.start(folder, service, settings);
});
afterAll(async () => {
  await it?.stop();
  await telegram?.close();
  await emulator?.stop();
});

interface HealthReport {
  readonly status: string;
  readonly checks: Readonly<
    Record<string, readonly { readonly status: string; readonly componentId?: string; readonly output?: string }[]>
  >;
}
const health = async (origin = it.origin) => {
  const { status, body } = await http(origin)('GET', '/health');
  return { http: status, ...(body as HealthReport) };
};
/** Health once the check of this name has this result. */
const becomes = (name: string, status: string) =>
  until(async () => {
    const seen = await health();
    return seen.checks[name]?.[0]?.status === status ? seen : null;
  });

test('Telegram that answers garbage is a warning with its reason, no failure, and all is well when it is over; nothing was lost', async () => {
  // A failing poll takes five seconds, so an update is sent.
  telegram.say(token, 42, 'раз');
  expect(await becomes(updates, 'pass')).toMatchObject({ http: 200, status: 'pass' });
  telegram.order({ do: 'garbage', on: 'getUpdates', times: 4 });
  telegram.say(token, 42, 'два');
  const { http: status, ...told } = await becomes(updates, 'warn');
  expect({ status, told: told.status }).toEqual({ status: 200, told: 'warn' });
  expect(told.checks[updates]).toEqual([
    expect.objectContaining({ componentId: 'collector', output: expect.stringMatching(/^upstream_failed\/bad_reply since 20/) }),
  ]);
  expect(await http(it.origin)('GET', '/readyz')).toMatchObject({ status: 200, body: { status: 'pass' } });
  telegram.say(token, 42, 'три');
  await becomes(updates, 'pass');
  const { items } = await until(async () => {
    const page = await it.world.bus.call(inbox.list_messages, {});
    return page.items.length > 2 ? page : null;
  });
  expect(items.map(({ text }) => text)).toEqual(['три', 'два', 'раз']);
});

test('a language model that answers garbage is a warning until it answers well', async () => {
  const local = await readModel();
  const unsure = (await ownLines('test')).find(({ text }) => !local(text).isCertain)?.text ?? '';
  emulator.setChaos({ malformedRate: 1 });
  expect((await it.world.bus.call(intents.classify_intent, { text: unsure })).stage).toBe('local');
  expect((await becomes(model, 'warn')).checks[model]).toEqual([
    expect.objectContaining({ componentId: 'intent-classifier', output: expect.stringMatching(/^upstream_failed/) }),
  ]);
  emulator.clearChaos();
  await until(async () => ((await it.world.bus.call(intents.classify_intent, { text: unsure })).stage === 'llm' ? true : null));
  expect(await becomes(model, 'pass')).toMatchObject({ http: 200 });
});

test('a Redis that is away is a warning: rates are still counted, in each process', async () => {
  const { origin } = await it.startGateway({ REDIS_URL: `redis://127.0.0.1:${await freePort()}` });
  expect(await health(origin)).toMatchObject({ http: 200, status: 'warn', checks: { 'redis:connection': [{ status: 'warn' }] } });
  expect((await health()).checks['redis:connection']).toBeUndefined();
});

test('a gateway that starts warns about a service that responded before and is gone, which only the database remembers', async () => {
  const vanishing = service({ serves: { post }, settings: z.object({}) }).start(async () => ({ post: { ping: async () => ({}) } }));
  const gone = await it.world.start('vanishing', vanishing);
  await it.startGateway();
  await until(async () => (await it.world.store.query(`select from gateway.services where service = 'vanishing'`)).length === 1 || null);
  await gone.stop(2_000);
  const { origin } = await it.startGateway();
  const seen = await until(async () => {
    const report = await health(origin);
    return report.checks['service:vanishing'] === undefined ? null : report;
  });
  expect(seen).toMatchObject({
    http: 200,
    checks: { 'service:vanishing': [{ status: 'warn', output: expect.stringContaining('does not respond') }] },
  });
});
