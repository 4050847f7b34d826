/** What an operator of the desk mends: runs, reviews and dead letters, on their pages and by an API key. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type FakeGateway, startFakeGateway } from '../adapters/telephony/http.fake.ts';
import { calls } from '../contracts/calls.ts';
import { journal } from '../contracts/journal.ts';
import { pipelines } from '../contracts/pipelines.ts';
import { loadServices } from '../runtime/services.ts';
import { type Browser, findBrowser, openBrowser, type Page } from '../test/kit/browser.ts';
import { type Client, type GatewayWorld, gatewayWorld } from '../test/kit/gateway.ts';
import { until } from '../test/kit/until.ts';
import { click, go, patienceMs, says, shows, visitors } from '../test/kit/visit.ts';

const program = findBrowser();
const inBrowser = program === null ? test.skip : test;
let it: GatewayWorld;
let telephony: FakeGateway;
let browser: Browser | undefined;
let page: Page;
beforeAll(async () => {
  telephony = await startFakeGateway();
  it = await gatewayWorld([]);
  const settings = {
    CRM_KIND: 'memory',
    TELEPHONY_KIND: 'http',
    TELEPHONY_URL: telephony.url,
    HTTP_ALLOW_PRIVATE: new URL(telephony.url).origin,
    CALL_HOURS: '00:00-24:00',
  };
  const services = await loadServices(['journal', 'crm-connector', 'call-orchestrator', 'telephony-gateway', 'pipelines']);
  await Promise.all(services.map(({ folder, service }) => it.world.start(folder, service, settings)));
  if (program === null) return;
  browser = await openBrowser(program);
  page = await visitors(it, browser).arrive('root', 'admin');
});
afterAll(async () => {
  await browser?.close();
  await it?.stop();
  await telephony?.close();
});

let phones = 0;
const newPhone = (): string => `+7999555${String(2_000 + ++phones)}`;
const rowOf = (id: string) => it.world.bus.call(journal.get, { id });
const comes = (id: string, state: string) => until(async () => (await rowOf(id)).state === state, patienceMs);
const isPlaced = (phone: string): boolean => telephony.placed.some((call) => phone.endsWith(call.phone));

/** The step of a run that is refused, because the phone is on the do-not-call list. */
const step = 'call';
/** A run that failed at it. */
async function failedRun(): Promise<string> {
  const phoneNumber = newPhone();
  await it.world.bus.call(calls.forbid_calls, { phoneNumber, reason: 'asked' });
  const { runId } = await it.world.bus.call(
    pipelines.lead_to_call,
    { firstName: 'Иван', lastName: 'Иванов', phoneNumber, waitMs: 0 },
    { key: phoneNumber },
  );
  await comes(runId, 'failed');
  return runId;
}
/** A dial that ends in `state`, because the gateway of telephony has `fault`. */
async function dial(fault: 'refuse' | 'reset_after', view: 'reviews' | 'dead_letters') {
  const phoneNumber = newPhone();
  telephony.order(fault);
  const { callId } = await it.world.bus.call(calls.start_call, { leadId: 'lead_1', phoneNumber }, { key: phoneNumber });
  const id = await until(async () => {
    const { items } = await it.world.bus.call(journal.list, { view, method: 'telephony.dial', show: 'inputs' });
    return items.find(({ input }) => JSON.stringify(input).includes(callId))?.id ?? null;
  }, patienceMs);
  return { id, phoneNumber };
}
/** Except that a browser reports each refusal of a server. */
const complaints = () => page.complaints.filter((each) => !each.includes('status of 400'));
const open = (path: string) => go(page, path);

inBrowser(
  'a failed run continues from its step with the input that an admin edits on the page',
  async () => {
    const runId = await failedRun();
    const phoneNumber = newPhone();
    await open('runs');
    await says(page, 'ошибка', `[data-row="${runId}"]`);
    await open(`runs/${runId}`);
    await says(page, 'do_not_call', '.detail');
    await says(page, 'ошибка', `[data-step="${step}"] > summary`);
    await shows(page, 'svg.waterfall .bar.bad');
    await click(page, 'Последовательность', '.detail');
    await shows(page, 'svg.sequence .arrow.bad');
    const lines = `document.querySelectorAll('svg.sequence .arrow, svg.sequence .fold').length`;
    expect(await page.value(`document.querySelectorAll('.sequence-of tbody tr').length === ${lines} && ${lines} >= 2`)).toBe(true);
    expect(
      await page.value(`[...document.querySelectorAll('svg.sequence > g:first-of-type text')].map((each) => each.textContent)`),
    ).toEqual(['pipelines']);
    await page.value(`document.querySelector('[data-step="${step}"] > summary').click()`);
    await click(page, 'Повторить отсюда…', `[data-step="${step}"]`);
    const field = `document.querySelector('textarea[name=input]')`;
    await shows(page, 'textarea[name=input]');
    await page.value(`${field}.focus(), ${field}.select()`);
    await page.type(JSON.stringify({ ...JSON.parse(String(await page.value(`${field}.value`))), phoneNumber }));
    await click(page, `Повторить с шага ${step}`, 'form.draft');
    await says(page, 'Поставлено в очередь снова', '.notices');
    await comes(runId, 'done');
    await says(page, 'выполнено', '.detail h2');
    expect(isPlaced(phoneNumber)).toBe(true);
    expect((await rowOf(runId)).audit).toContainEqual(expect.objectContaining({ who: expect.stringMatching(/^gateway:staff\/.*\/root$/) }));
    expect(complaints()).toEqual([]);
  },
  3 * patienceMs,
);

inBrowser(
  'a dial whose outcome is unknown leaves the reviews with the answer of an admin, and is not repeated',
  async () => {
    await open('reviews');
    await shows(page, '.list');
    const { id, phoneNumber } = await dial('reset_after', 'reviews');
    await until(async () => {
      await page.value(`document.querySelector('.fresh')?.click()`);
      return (await page.value(`document.querySelector('[data-row="${id}"]') !== null`)) === true;
    }, patienceMs);
    await open(`reviews/${id}`);
    await shows(page, '.detail form');
    await page.press('Digit1', '1');
    await shows(page, '.detail input:checked');
    await page.press('KeyA', 'ф');
    // What the method returns is known to the person alone.
    await says(page, 'legId', '.notices');
    await page.value(`document.querySelector('.detail textarea').focus()`);
    await page.type('{"legId":"leg_1","reportsEnd":false}');
    await click(page, 'Ответить', '.detail');
    await says(page, 'Отвечено: Это произошло', '.notices');
    expect(await rowOf(id)).toMatchObject({
      state: 'done',
      audit: [{ who: expect.stringMatching(/^gateway:staff\/.*\/root$/), did: 'resolved: happened' }],
    });
    expect(telephony.placed.filter((call) => phoneNumber.endsWith(call.phone))).toHaveLength(1);
    expect(complaints()).toEqual([]);
  },
  3 * patienceMs,
);

inBrowser(
  'a dead letter that an admin replays on the page takes effect once, and leaves the list',
  async () => {
    const { id, phoneNumber } = await dial('refuse', 'dead_letters');
    const { method, reason } = await rowOf(id);
    await open(`dead-letters/${id}?${new URLSearchParams({ method, reason: reason ?? '' })}`);
    await click(page, 'Повторить строку', '.detail');
    await says(page, 'Поставлено в очередь снова', '.notices');
    await comes(id, 'done');
    expect(telephony.placed.filter((call) => phoneNumber.endsWith(call.phone))).toHaveLength(1);
    await until(async () => (await page.value(`document.querySelector('.list [data-row="${id}"]') === null`)) === true, patienceMs);
    expect(complaints()).toEqual([]);
  },
  3 * patienceMs,
);

test('an API key retries a run from its step, resolves a review and replays a dead letter', async () => {
  const admin: Client = await it.client('admin', 'send', 'read');
  const runId = await failedRun();
  const phoneNumber = newPhone();
  const whole = (await admin('GET', `/api/v1/journal/${(await rowOf(runId)).steps.find((each) => each.step === step)?.id}?reveal=true`))
    .body as { input: object };
  const retried = await admin('POST', `/api/v1/journal/${runId}/retry`, { from: step, input: { ...whole.input, phoneNumber } });
  expect(retried.status).toBe(200);
  await comes(runId, 'done');
  expect(isPlaced(phoneNumber)).toBe(true);

  const doubt = await dial('reset_after', 'reviews');
  expect(
    await admin('POST', `/api/v1/journal/${doubt.id}/resolve`, { answer: 'happened', output: { legId: 'leg_2', reportsEnd: false } }),
  ).toMatchObject({
    status: 200,
    body: { state: 'done' },
  });
  const dead = await dial('refuse', 'dead_letters');
  expect((await admin('POST', `/api/v1/journal/${dead.id}/retry`)).status).toBe(200);
  await comes(dead.id, 'done');
  expect(isPlaced(dead.phoneNumber)).toBe(true);
});
