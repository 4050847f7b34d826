import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { afterEach, expect, test } from '@jest/globals';
import { createMetrics } from '../../../bus/telemetry/metrics.ts';
import type { PolybError } from '../../../contracts/kit/errors.ts';
import { createHttp, type RequestRecord } from '../../http.ts';
import type { AnswerRequest, ModelMessage, ToolCall } from '../../llm/port.ts';
import { openAi } from './llm.ts';
import { providers } from './providers.ts';

interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: Record<string, unknown> & { readonly messages: readonly Record<string, unknown>[] };
}
const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

/** A provider that replies to every request with these pieces, each written by itself. */
async function provider(name: keyof typeof providers, pieces: readonly (string | Uint8Array)[], { status = 200, model = 'm' } = {}) {
  const received: Received[] = [];
  const observed: RequestRecord[] = [];
  const server = createServer(async (incoming, outgoing) => {
    received.push({ headers: incoming.headers, body: (await json(incoming)) as Received['body'] });
    outgoing.writeHead(status);
    for (const piece of pieces) await new Promise<void>((resolve) => outgoing.write(piece, () => resolve()));
    outgoing.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  let connections = 0;
  server.on('connection', () => {
    connections += 1;
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const http = createHttp({ allowPrivate: [origin], observe: (record) => observed.push(record) });
  closing.push(async () => {
    server.closeAllConnections();
    server.close();
    await http.close();
  });
  const metrics = createMetrics({ now: Date.now, log: console });
  const options = { name, provider: providers[name], apiKey: 'k-1', baseUrl: origin, model };
  const llm = openAi(options, { http, httpStream: http.stream, now: Date.now, metrics });
  return { llm, received, observed, metrics, connections: () => connections };
}
const request = (more: Partial<AnswerRequest> = {}): AnswerRequest => ({
  messages: [{ role: 'user', text: 'Можно завтра?' }],
  tools: [],
  toolChoice: 'auto',
  maxOutputTokens: 700,
  timeoutMs: 5_000,
  signal: AbortSignal.timeout(10_000),
  ...more,
});
const event = (choice: object, more: object = {}) => `data: ${JSON.stringify({ choices: [{ index: 0, ...choice }], ...more })}\n\n`;
const stop = `${event({ delta: {}, finish_reason: 'stop' })}data: [DONE]\n\n`;
const whole = (message: object, finish_reason = 'stop') => [JSON.stringify({ choices: [{ finish_reason, message }] })];
async function last({ llm }: Awaited<ReturnType<typeof provider>>, given = request()) {
  for await (const item of llm.answerStream(given)) if (item.type === 'answer') return item.answer;
  throw new Error('no answer');
}
const failure = (answered: Promise<unknown>): Promise<PolybError> =>
  answered.then(
    () => Promise.reject(new Error('it was answered')),
    (error: PolybError) => error,
  );

test('the messages, tools and bounds of a request reach the provider in its form', async () => {
  const one = await provider('openai', whole({ content: 'Да' }));
  const call: ToolCall = { id: 'c1', name: 'get_slots', arguments: '{"date":' };
  const messages: ModelMessage[] = [
    { role: 'system', text: 'Be brief.' },
    { role: 'user', text: 'Можно завтра?' },
    { role: 'assistant', text: '', toolCalls: [call] },
    { role: 'tool', callId: 'c1', text: '{"slots":[]}' },
    { role: 'assistant', text: 'Нет.' },
    { role: 'user', text: 'А послезавтра?' },
  ];
  const tools = [{ name: 'get_slots', description: 'Free times.', parameters: { type: 'object', properties: {} } }];
  await one.llm.answer(request({ messages, tools, toolChoice: 'required', ref: 'turn_1:2', facts: { customer: 'secret' } }));
  const [{ headers, body } = {} as Received] = one.received;
  expect(headers).toMatchObject({ authorization: 'Bearer k-1', 'x-client-request-id': 'turn_1:2' });
  expect(body).toEqual({
    model: 'm',
    max_completion_tokens: 700,
    tool_choice: 'required',
    tools: [
      { type: 'function', function: { name: 'get_slots', description: 'Free times.', parameters: { type: 'object', properties: {} } } },
    ],
    messages: [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Можно завтра?' },
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'c1', type: 'function', function: { name: 'get_slots', arguments: '{"date":' } }],
      },
      { role: 'tool', tool_call_id: 'c1', content: '{"slots":[]}' },
      { role: 'assistant', content: 'Нет.' },
      { role: 'user', content: 'А послезавтра?' },
    ],
  });
});

test('a stream is requested with its usage, and without tools no choice of them is', async () => {
  const one = await provider('gemini', [event({ delta: { content: 'Да' } }), stop]);
  await last(one, request({ toolChoice: 'none' }));
  const { messages: _, ...body } = one.received[0]?.body ?? ({} as Received['body']);
  expect(body).toEqual({ model: 'm', max_tokens: 700, stream: true, stream_options: { include_usage: true } });
});

test('DeepSeek is asked not to think', async () => {
  const one = await provider('deepseek', whole({ content: 'Да' }));
  await one.llm.answer(request());
  expect(one.received[0]?.body.thinking).toEqual({ type: 'disabled' });
});

const events = `: keep-alive\n\n\n\n${event({ delta: { content: 'При' } })}${event({ delta: { content: 'вет 👋' } })}\n\n${stop}`;
test.each<[string, readonly (string | Uint8Array)[]]>([
  ['in one piece', [events]],
  ['byte by byte', [...Buffer.from(events)].map((byte) => Uint8Array.of(byte))],
  ['with CRLF', [events.replaceAll('\n', '\r\n')]],
  ['with CRLF, byte by byte', [...Buffer.from(events.replaceAll('\n', '\r\n'))].map((byte) => Uint8Array.of(byte))],
  ['without a space after the colon', [events.replaceAll('data: ', 'data:')]],
  ['with names of events and ids', [events.replaceAll('data: ', 'id: 7\nevent: message\nretry: 3\ndata: ')]],
  ['with JSON over several lines', [events.replaceAll('"choices":', '\ndata: "choices":')]],
  ['without the line [DONE]', [events.replace('data: [DONE]\n\n', '')]],
])('a stream of events is read %s', async (_, pieces) => {
  expect(await last(await provider('openai', pieces))).toMatchObject({ text: 'Привет 👋', end: 'stop' });
});

test('a long text in small chunks, with 400 bytes around each, is read whole', async () => {
  const chunks = Array.from({ length: 6_000 }, () => event({ delta: { content: 'слово' } }, { id: 'x'.repeat(400) }));
  expect((await last(await provider('openai', [chunks.join(''), stop]))).text).toHaveLength(30_000);
});

test.each<[string, readonly string[], object]>([
  [
    'is no stream of events',
    [JSON.stringify({ choices: [{ finish_reason: 'stop', message: { content: 'Да' } }] })],
    { reason: 'bad_reply' },
  ],
  ['has an event that is no JSON', [event({ delta: { content: 'Да' } }), 'data: {"choices"\n\n', stop], { reason: 'bad_reply' }],
  ['has an event of another shape', ['data: {"choices":[{"delta":{"content":7}}]}\n\n', stop], { reason: 'bad_reply' }],
  ['is the page of a proxy', ['<html>502 Bad Gateway</html>'], { reason: 'bad_reply' }],
  [
    'ends with an error',
    [event({ delta: { content: 'Да' } }), 'data: {"error":{"message":"overloaded","code":500}}\n\n'],
    { reason: 'upstream_status' },
  ],
  [
    'ends with a limit of the rate',
    ['data: {"error":{"message":"slow down","code":"rate_limit_exceeded"}}\n\n'],
    { code: 'resource_exhausted' },
  ],
  ['ends with an empty account', ['data: {"error":{"code":"insufficient_quota"}}\n\n'], { code: 'failed_precondition', reason: 'quota' }],
  ['has an unknown reason for its end', [event({ delta: { content: 'Да' }, finish_reason: 'tired' })], { reason: 'bad_reply' }],
  [
    'ends for want of resources',
    [event({ delta: { content: 'Да' }, finish_reason: 'insufficient_system_resource' })],
    { reason: 'upstream_status' },
  ],
])('a stream that %s is a typed failure', async (_, pieces, expected) => {
  expect(await failure(last(await provider('deepseek', pieces)))).toMatchObject({
    name: 'PolybError',
    code: 'upstream_failed',
    ...expected,
  });
});

test.each<[string, number, string, object]>([
  [
    'an empty account',
    429,
    '{"error":{"message":"You exceeded your current quota","code":"insufficient_quota"}}',
    { code: 'failed_precondition', reason: 'quota' },
  ],
  ['an empty balance', 402, '{"error":{"message":"Insufficient Balance"}}', { code: 'failed_precondition', reason: 'quota' }],
  [
    'the array of Gemini',
    429,
    '[{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","details":[{"retryDelay":"34s"}]}}]',
    { code: 'resource_exhausted', retryAfterMs: 34_000 },
  ],
  [
    'the wrong key of Gemini',
    400,
    '[{"error":{"code":400,"details":[{"reason":"API_KEY_INVALID"}]}}]',
    { code: 'failed_precondition', reason: 'upstream_credentials' },
  ],
  [
    'a request that the provider cannot use',
    400,
    '{"error":{"message":"tools.0 is invalid"}}',
    { code: 'failed_precondition', reason: 'llm_request_refused' },
  ],
  [
    'a text that DeepSeek does not take',
    400,
    '{"error":{"message":"Content Exists Risk"}}',
    { code: 'failed_precondition', reason: 'llm_refused' },
  ],
  ['a page instead of JSON', 503, '<html>', { code: 'upstream_failed', reason: 'upstream_status' }],
])('%s is a typed failure, whole and streamed', async (_, status, body, expected) => {
  const one = await provider('gemini', [body], { status });
  for (const answered of [one.llm.answer(request()), last(one)])
    expect(await failure(answered)).toMatchObject({ name: 'PolybError', ...expected });
  expect(one.received).toHaveLength(2);
});

const signed = { extra_content: { google: { thought_signature: 'sig' } } };
const called = (id: string | null, more: object = {}) => ({
  index: 0,
  id,
  type: 'function',
  function: { name: 'f', arguments: '{}' },
  ...more,
});
const sent = ({ received }: Awaited<ReturnType<typeof provider>>) => received.at(-1)?.body.messages[0]?.tool_calls;

test('the signature of Gemini comes back with its call, and reaches no other provider', async () => {
  const gemini = await provider('gemini', [event({ delta: { tool_calls: [called('a', signed)] } }), stop], { model: 'gemini-3-flash' });
  const { toolCalls, end } = await last(gemini);
  expect([toolCalls, end]).toEqual([[{ id: 'a', name: 'f', arguments: '{}', extra: { gemini: signed } }], 'tool_calls']);
  const next = request({ messages: [{ role: 'assistant', text: '', toolCalls }] });
  await last(gemini, next);
  expect(sent(gemini)).toEqual([{ id: 'a', type: 'function', function: { name: 'f', arguments: '{}' }, ...signed }]);
  const openai = await provider('openai', [event({ delta: { content: 'Да' } }), stop]);
  await last(openai, next);
  expect(sent(openai)).toEqual([{ id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } }]);
});

test('a call of another model reaches Gemini 3 with the signature that stands for none, on the first call alone', async () => {
  const toolCalls = ['a', 'b'].map((id) => ({ id, name: 'f', arguments: '{}', extra: { openai: { any: 1 } } }));
  const next = request({ messages: [{ role: 'assistant', text: '', toolCalls }] });
  const signatures = async (model: string, given = next) => {
    const one = await provider('gemini', [event({ delta: { content: 'Да' } }), stop], { model });
    await last(one, given);
    return (sent(one) as { extra_content?: { google: { thought_signature: string } } }[]).map(
      (call) => call.extra_content?.google.thought_signature,
    );
  };
  expect(await signatures('gemini-3-flash-preview')).toEqual(['skip_thought_signature_validator', undefined]);
  expect(await signatures('gemini-2.5-flash-lite')).toEqual([undefined, undefined]);
  const own = toolCalls.map((call, place) => ({ ...call, extra: place === 0 ? { gemini: signed } : {} }));
  expect(await signatures('gemini-3-flash', request({ messages: [{ role: 'assistant', text: '', toolCalls: own }] }))).toEqual([
    'sig',
    undefined,
  ]);
});

test('calls without an id, or with the same one, get ids of their own', async () => {
  const calls = [called(null), { ...called('x'), index: 1 }, { ...called('x'), index: 2 }];
  const { toolCalls } = await last(await provider('yandex', [event({ delta: { tool_calls: calls } }), stop]));
  expect([toolCalls.length, new Set(toolCalls.map(({ id }) => id)).size, toolCalls.map(({ id }) => id)]).toEqual([
    3,
    3,
    expect.not.arrayContaining(['']),
  ]);
});

test('a call without arguments has an empty object', async () => {
  const call = { ...called('a'), function: { name: 'f', arguments: '' } };
  expect((await last(await provider('openai', [event({ delta: { tool_calls: [call] } }), stop]))).toolCalls[0]?.arguments).toBe('{}');
});

test('a stream is timed and its tokens are counted, also when its reader leaves; the HTTP request was complete', async () => {
  const usage = { prompt_tokens: 10, completion_tokens: 2 };
  const one = await provider('openai', [
    event({ delta: { content: 'При' } }),
    event({ delta: { content: 'вет' } }),
    event({ finish_reason: 'stop' }, { usage }),
    stop,
  ]);
  await last(one);
  for await (const _ of one.llm.answerStream(request())) break;
  const reports = new Map((await one.metrics.reports()).map(({ name, series }) => [name, series]));
  expect(reports.get('gen_ai_client_operation_duration_seconds')?.map(([labels]) => labels.at(-1))).toEqual(['', 'cancelled']);
  expect(reports.get('gen_ai_client_token_usage')?.map(([labels, sum]) => [labels.at(-1), sum])).toEqual([
    ['input', 10],
    ['output', 2],
  ]);
  expect(one.observed[0]).toMatchObject({ status: 200, code: 'ok' });
});

test('answers one after another share a connection', async () => {
  const one = await provider('openai', [event({ delta: { content: 'Да' } }), stop]);
  for (let nth = 0; nth < 8; nth += 1) {
    await last(one);
    while (one.observed.length <= nth) await new Promise((resolve) => setImmediate(resolve));
  }
  expect(one.observed.map(({ code }) => code)).toEqual(Array(8).fill('ok'));
  expect(one.connections()).toBeLessThan(4);
});
