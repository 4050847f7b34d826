/** The adapter against an emulator by other hands, in a process of its own. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createMetrics } from '../../../bus/telemetry/metrics.ts';
import { type Aimock, aimock } from '../../../test/kit/aimock.ts';
import { createHttp, type RequestRecord } from '../../http.ts';
import { answeringConformance } from '../../llm/conformance.ts';
import { llmAdapters } from '../../llm/index.ts';
import type { AnswerRequest, Llm, ModelAnswer, ModelMessage } from '../../llm/port.ts';

const text = 'Есть время в 10:00 и в 12:30 👍';
const slots = { name: 'get_available_slots', arguments: '{"services":["стрижка"],"day":"завтра"}' };
const booking = { name: 'create_appointment', arguments: '{"slot":"s1"}' };
const calls = {
  toolCalls: [
    { ...slots, id: 'call_a' },
    { ...booking, id: 'call_b' },
  ],
};

let emulator: Aimock;
let http: ReturnType<typeof createHttp>;
const observed: RequestRecord[] = [];
beforeAll(async () => {
  emulator = await aimock([
    { match: { userMessage: 'пусто' }, response: { content: '' } },
    { match: { userMessage: 'обрыв' }, response: calls, truncateAfterChunks: 4 },
    {
      match: { userMessage: 'часто' },
      response: { error: { message: 'Slow down', type: 'rate_limit_error', code: 'rate_limit_exceeded' }, status: 429 },
    },
    {
      match: { userMessage: 'долги' },
      response: { error: { message: 'No money', type: 'insufficient_quota', code: 'insufficient_quota' }, status: 429 },
    },
    { match: { userMessage: 'длинно' }, response: { content: 'Жили-были', finishReason: 'length' } },
    { match: { userMessage: 'завтра', hasToolResult: false }, response: calls },
    {
      match: { userMessage: 'завтра', hasToolResult: true },
      response: { content: text, usage: { prompt_tokens: 40, completion_tokens: 9 } },
    },
    { match: { userMessage: 'одно' }, response: { content: 'Смотрю…', toolCalls: [slots] } },
    { match: { userMessage: 'привет' }, response: { content: 'Здравствуйте!' } },
  ]);
  http = createHttp({ allowPrivate: [emulator.url], observe: (record) => observed.push(record) });
});
afterAll(async () => {
  await http.close();
  await emulator.stop();
});

const deps = () => ({ http, httpStream: http.stream, now: Date.now, metrics: createMetrics({ now: Date.now, log: console }) }) as never;
const models = {
  openai: () =>
    llmAdapters.openai.create({ OPENAI_API_KEY: 'k', OPENAI_MODEL: 'gpt-4.1-mini', OPENAI_BASE_URL: `${emulator.url}/v1` }, deps()),
  deepseek: () =>
    llmAdapters.deepseek.create({ DEEPSEEK_API_KEY: 'k', DEEPSEEK_MODEL: 'deepseek-v4-flash', DEEPSEEK_BASE_URL: emulator.url }, deps()),
  gemini: () =>
    llmAdapters.gemini.create(
      { GEMINI_API_KEY: 'k', GEMINI_MODEL: 'gemini-2.5-flash-lite', GEMINI_BASE_URL: `${emulator.url}/v1beta/openai` },
      deps(),
    ),
  yandex: () =>
    llmAdapters.yandex.create(
      { YANDEX_API_KEY: 'k', YANDEX_FOLDER_ID: 'b1g', YANDEX_LLM_MODEL: 'yandexgpt/latest', YANDEX_LLM_BASE_URL: `${emulator.url}/v1` },
      deps(),
    ),
} satisfies Record<keyof typeof llmAdapters, () => Llm>;

const tools = [slots, booking].map(({ name }) => ({ name, description: name, parameters: { type: 'object', properties: {} } }));
const request = (messages: readonly ModelMessage[], more: Partial<AnswerRequest> = {}): AnswerRequest => ({
  ...{ messages, tools, toolChoice: 'auto', maxOutputTokens: 500, timeoutMs: 10_000, signal: AbortSignal.timeout(20_000) },
  ...more,
});
const user = (words: string): ModelMessage => ({ role: 'user', text: words });
/** The answer, and the number of pieces in which its text came. */
async function streamed(llm: Llm, given: AnswerRequest): Promise<{ readonly answer: ModelAnswer; readonly pieces: number }> {
  let pieces = 0;
  for await (const item of llm.answerStream(given)) {
    if (item.type === 'answer') return { answer: item.answer, pieces };
    pieces += 1;
  }
  throw new Error('no answer');
}

test.each(Object.entries(models))(
  '%s: a tool loop, whole and streamed, is the same and reached the emulator as meant',
  async (name, create) => {
    const llm = create();
    const before = (await emulator.journal()).length;
    const whole = await llm.answer(request([user('завтра')]));
    const { answer } = await streamed(llm, request([user('завтра')]));
    expect(answer.toolCalls).toMatchObject([slots, booking]);
    expect([answer.end, answer.model, new Set(answer.toolCalls.map(({ id }) => id)).size]).toEqual(['tool_calls', llm.name, 2]);
    expect(whole).toMatchObject({ text: '', toolCalls: [slots, booking], end: 'tool_calls' });
    const results = answer.toolCalls.map(({ id }): ModelMessage => ({ role: 'tool', callId: id, text: '{"slots":[]}' }));
    const next = [user('завтра'), { role: 'assistant', text: '', toolCalls: answer.toolCalls } as const, ...results];
    const last = await streamed(llm, request(next, { ref: `${name}:2`, toolChoice: 'none' }));
    expect(last.answer).toMatchObject({ text, toolCalls: [], end: 'stop', inputTokens: 40, outputTokens: 9 });
    expect(last.pieces).toBeGreaterThan(3);

    const journal = (await emulator.journal()).slice(before);
    expect(journal.map(({ response, body }) => [response.status, body.stream ?? false, body.tool_choice])).toEqual([
      [200, false, 'auto'],
      [200, true, 'auto'],
      [200, true, 'none'],
    ]);
    const { headers, body } = journal.at(-1) ?? {};
    expect(headers?.['x-client-request-id']).toBe(`${name}:2`);
    const ids = answer.toolCalls.map(({ id }) => id);
    expect(body?.messages).toMatchObject([
      { role: 'user', content: 'завтра' },
      { role: 'assistant', tool_calls: ids.map((id, place) => ({ id, type: 'function', function: [slots, booking][place] })) },
      ...ids.map((id) => ({ role: 'tool', tool_call_id: id })),
    ]);
  },
);

test.each([
  ['пусто', { code: 'upstream_failed', reason: 'bad_reply' }],
  ['часто', { code: 'resource_exhausted' }],
  ['долги', { code: 'failed_precondition', reason: 'quota' }],
])('«%s» is a typed failure, whole and streamed', async (words, expected) => {
  const llm = models.openai();
  await expect(llm.answer(request([user(words)]))).rejects.toMatchObject(expected);
  await expect(streamed(llm, request([user(words)]))).rejects.toMatchObject(expected);
});

test('a stream that breaks off in the middle of a call is no answer', async () => {
  await expect(streamed(models.openai(), request([user('обрыв')]))).rejects.toMatchObject({ name: 'PolybError', code: 'upstream_failed' });
});

test('a text cut at its bound says so', async () => {
  expect((await streamed(models.openai(), request([user('длинно')]))).answer).toMatchObject({ text: 'Жили-были', end: 'length' });
});

test('streams that were read to their end are complete requests', () => {
  const codes = observed.filter(({ url }) => url.endsWith('/chat/completions')).map(({ code }) => code);
  expect(codes.filter((code) => code === 'cancelled')).toEqual([]);
  expect(codes.length).toBeGreaterThan(10);
});

answeringConformance('openai at an emulator', async () => ({
  llm: models.openai(),
  text: { messages: [user('привет')], tools },
  call: { messages: [user('одно')], tools },
}));
