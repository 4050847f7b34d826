import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { afterEach, expect, test } from '@jest/globals';
import { z } from 'zod';
import { createMetrics } from '../../../bus/telemetry/metrics.ts';
import { createHttp } from '../../http.ts';
import { type LlmReply, type LlmUnderTest, llmConformance, type Say } from '../../llm/conformance.ts';
import { llmAdapters } from '../../llm/index.ts';
import type { Llm } from '../../llm/port.ts';
import { openAi } from './llm.ts';
import { providers } from './providers.ts';

/** Replies of a provider to consecutive requests; the last one is repeated. */
type Reply = { readonly status?: number; readonly headers?: Record<string, string>; readonly body: unknown };
interface Request {
  readonly headers: IncomingHttpHeaders;
  readonly body: Record<string, unknown> & { readonly messages: readonly { readonly role: string; readonly content: string }[] };
}
const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

const Colour = z.strictObject({ colour: z.enum(['red', 'blue']) });
const abort = new AbortController();
const request = { task: 'Name the colour.', text: 'небо', name: 'colour', schema: Colour, timeoutMs: 5_000, signal: abort.signal };
const said = (content: unknown, more: object = {}): Reply => ({
  body: {
    choices: [{ finish_reason: 'stop', message: { role: 'assistant', content, ...more } }],
    usage: { prompt_tokens: 10, completion_tokens: 2 },
  },
});
const blue = '{"colour":"blue"}';

async function provider(name: keyof typeof providers, ...replies: readonly Reply[]) {
  const requests: Request[] = [];
  const server = createServer(async (incoming, outgoing) => {
    requests.push({ headers: incoming.headers, body: (await json(incoming)) as Request['body'] });
    const { status = 200, headers = {}, body } = replies[requests.length - 1] ?? (replies.at(-1) as Reply);
    if (body === 'silence') return;
    outgoing.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const http = createHttp({ allowPrivate: [origin] });
  closing.push(async () => {
    server.closeAllConnections();
    server.close();
    await http.close();
  });
  const metrics = createMetrics({ now: Date.now, log: console });
  const options = {
    name,
    provider: providers[name],
    apiKey: 'k-1',
    baseUrl: origin,
    model: 'm',
    project: name === 'yandex' ? 'b1g' : undefined,
  };
  const llm: Llm = openAi(options, { http, httpStream: http.stream, now: Date.now, metrics });
  return {
    llm,
    metrics,
    requests,
    formats: () => requests.map(({ body }) => (body.response_format as { type?: string } | undefined)?.type ?? 'tool'),
  };
}

test('each request is timed under its model and its error, and its tokens are counted', async () => {
  const { llm, metrics } = await provider('openai', said(blue), { status: 429, body: {} });
  await llm.ask(request);
  await expect(llm.ask(request)).rejects.toMatchObject({ code: 'resource_exhausted' });
  const told = new Map((await metrics.reports()).map(({ name, labels, series }) => [name, { labels, series }]));
  const { labels, series } = told.get('gen_ai_client_operation_duration_seconds') ?? {};
  expect(labels).toEqual(['gen_ai_operation_name', 'gen_ai_provider_name', 'gen_ai_request_model', 'error_type']);
  expect(series?.map(([values]) => values)).toEqual([
    ['chat', 'openai', 'm', ''],
    ['chat', 'openai', 'm', 'resource_exhausted'],
  ]);
  expect(told.get('gen_ai_client_token_usage')?.series.map(([values, sum]) => [values.at(-1), sum])).toEqual([
    ['input', 10],
    ['output', 2],
  ]);
});

test('an answer that fits the schema comes back with what it cost, in one request', async () => {
  const { llm, requests } = await provider('openai', said(blue));
  expect(await llm.ask({ ...request, ref: 'line-7' })).toEqual({
    value: { colour: 'blue' },
    inputTokens: 10,
    outputTokens: 2,
    requests: 1,
    model: 'openai/m',
  });
  expect(llm.name).toBe('openai/m');
  expect(requests[0]?.headers).toMatchObject({ authorization: 'Bearer k-1', 'x-client-request-id': 'line-7' });
  expect(requests[0]?.body.response_format).toMatchObject({
    type: 'json_schema',
    json_schema: { name: 'colour', strict: true, schema: { required: ['colour'], additionalProperties: false } },
  });
});

test('a provider that knows no json_schema is asked in the next way, and later not again in the first', async () => {
  const unavailable = { status: 400, body: { error: { message: 'This response_format type is unavailable now' } } };
  const { llm, formats } = await provider('openai', unavailable, said(blue));
  expect(await llm.ask(request)).toMatchObject({ value: { colour: 'blue' }, requests: 2 });
  await llm.ask(request);
  expect(formats()).toEqual(['json_schema', 'json_object', 'json_object']);
});

test('a request that is refused in every way costs later ones none of the ways', async () => {
  const refusal = { status: 400, body: { error: { message: 'This content is not allowed' } } };
  const { llm, formats } = await provider('openai', refusal, refusal, refusal, said(blue));
  await expect(llm.ask(request)).rejects.toMatchObject({ code: 'upstream_failed', reason: 'bad_reply' });
  await llm.ask(request);
  expect(formats()).toEqual(['json_schema', 'json_object', 'tool', 'json_schema']);
});

test('DeepSeek is never asked for json_schema, and the word json stands in its prompt', async () => {
  const { llm, requests, formats } = await provider('deepseek', said(blue));
  await llm.ask(request);
  expect(formats()).toEqual(['json_object']);
  expect(requests[0]?.body.messages[0]?.content).toMatch(/json/i);
});

test('an empty or wrong object is repaired once, then a tool is forced', async () => {
  const call = { tool_calls: [{ id: 'c', type: 'function', function: { name: 'colour', arguments: blue } }] };
  const { llm, requests, formats } = await provider('deepseek', said(''), said('{"colour":"green"}'), said(null, call));
  expect(await llm.ask(request)).toMatchObject({ value: { colour: 'blue' }, inputTokens: 30, outputTokens: 6, requests: 3 });
  expect(formats()).toEqual(['json_object', 'json_object', 'tool']);
  expect(requests[1]?.body.messages.at(-1)?.content).toContain('does not fit');
  expect(requests[2]?.body.tool_choice).toEqual({ type: 'function', function: { name: 'colour' } });
});

test('an object in a fence of Markdown is read', async () => {
  const { llm } = await provider('deepseek', said(`\`\`\`json\n${blue}\n\`\`\``));
  expect((await llm.ask(request)).value).toEqual({ colour: 'blue' });
});

test('what never fits ends as bad_reply after every way was tried', async () => {
  const { llm, formats } = await provider('openai', said('blue, I think'));
  await expect(llm.ask(request)).rejects.toMatchObject({ code: 'upstream_failed', reason: 'bad_reply' });
  expect(formats()).toEqual(['json_schema', 'json_object', 'json_object', 'tool']);
});

test.each<[string, Reply, object]>([
  ['an empty account', { status: 429, body: { error: { code: 'insufficient_quota' } } }, { code: 'failed_precondition', reason: 'quota' }],
  [
    'the array of Gemini',
    { status: 429, body: [{ error: { code: 429, message: 'Resource exhausted', status: 'RESOURCE_EXHAUSTED' } }] },
    { code: 'resource_exhausted' },
  ],
])('%s has its code after one request', async (_, reply, error) => {
  const { llm, requests } = await provider('gemini', reply);
  await expect(llm.ask(request)).rejects.toMatchObject(error);
  expect(requests).toHaveLength(1);
});

test('Yandex is given its folder and an Api-Key', async () => {
  const { llm, requests } = await provider('yandex', said(blue));
  await llm.ask(request);
  expect(requests[0]?.headers).toMatchObject({ authorization: 'Api-Key k-1', 'openai-project': 'b1g' });
});

test('every provider of the table is in the catalogue', () => {
  expect(Object.keys(llmAdapters)).toEqual(Object.keys(providers));
  const settings = llmAdapters.yandex.settings.parse({ YANDEX_API_KEY: 'k', YANDEX_FOLDER_ID: 'b1g' });
  expect(settings.YANDEX_LLM_BASE_URL).toBe(providers.yandex.baseUrl);
});

const settingsOf = {
  openai: { OPENAI_API_KEY: 'key-of-the-test', OPENAI_BASE_URL: '' },
  deepseek: { DEEPSEEK_API_KEY: 'key-of-the-test', DEEPSEEK_BASE_URL: '' },
  gemini: { GEMINI_API_KEY: 'key-of-the-test', GEMINI_BASE_URL: '' },
  yandex: { YANDEX_API_KEY: 'key-of-the-test', YANDEX_FOLDER_ID: 'b1g', YANDEX_LLM_BASE_URL: '' },
} satisfies Record<keyof typeof providers, object>;
for (const [name, settings] of Object.entries(settingsOf)) llmConformance(name, () => compatible(name as keyof typeof providers, settings));

/** Server-sent events of these choices. */
const events = (choices: readonly object[]): string =>
  choices.map((choice) => `data: ${JSON.stringify({ choices: [{ index: 0, ...choice }] })}\n\n`).join('');

function say({ text = '', calls = [], finish: given, breaks }: Say, isStream: boolean, to: ServerResponse): void {
  const finish = given === undefined ? (calls.length > 0 ? 'tool_calls' : 'stop') : given;
  const usage = { prompt_tokens: 10, completion_tokens: 2 };
  const made = calls.map(({ name, arguments: given }, index) => ({
    index,
    id: `c${index}`,
    type: 'function',
    function: { name, arguments: given },
  }));
  if (!isStream) {
    const message = { role: 'assistant', content: text === '' ? null : text, ...(made.length > 0 && { tool_calls: made }) };
    const body = JSON.stringify({ choices: [{ index: 0, finish_reason: finish, message }], usage });
    if (breaks === undefined) return void to.end(body);
    to.writeHead(200, { 'content-length': Buffer.byteLength(body) }).write(body.slice(0, body.length / 2));
  } else {
    to.writeHead(200, { 'content-type': 'text/event-stream' });
    // The provider's first event, and lines that keep the connection.
    to.write(`: keep-alive\n\n\n${events([{ delta: { role: 'assistant', content: null } }])}`);
    const halves = (whole: string): string[] => [whole.slice(0, whole.length / 2), whole.slice(whole.length / 2)];
    to.write(events(halves(text).map((content) => ({ delta: { content } }))));
    const pieces = made.flatMap(({ function: { name, arguments: given }, ...call }, place) => {
      const [first, second] = halves(given);
      const begun = { ...call, function: { name, arguments: '' } };
      const isCut = breaks !== undefined && place === made.length - 1;
      return [
        begun,
        { index: call.index, function: { arguments: first } },
        ...(isCut ? [] : [{ index: call.index, function: { arguments: second } }]),
      ];
    });
    to.write(events(pieces.map((piece) => ({ delta: { tool_calls: [piece] } }))));
    if (breaks === undefined)
      return void to.end(
        `${events([{ delta: {}, finish_reason: finish }])}data: ${JSON.stringify({ choices: [], usage })}\n\ndata: [DONE]\n\n`,
      );
  }
  if (breaks === 'cut') setImmediate(() => to.destroy());
}

/** A provider with the chat completions of OpenAI, and the adapter that the catalogue creates for it. */
async function compatible(name: keyof typeof providers, settings: Readonly<Record<string, string>>): Promise<LlmUnderTest> {
  let reply: LlmReply = { do: 'hang' };
  let requests: Request[] = [];
  let closed = Promise.withResolvers<void>();
  const server = createServer(async (incoming, outgoing) => {
    const { resolve } = closed;
    outgoing.on('close', () => outgoing.writableFinished || resolve());
    const body = (await json(incoming)) as Request['body'];
    requests.push({ headers: incoming.headers, body });
    const send = (status: number, text: string, headers = {}) => void outgoing.writeHead(status, headers).end(text);
    const answer = (content: string | null, more: object = {}) => {
      const tool = { tool_calls: [{ id: 'c', type: 'function', function: { name: 'colour', arguments: content } }] };
      const isTool = body.tools !== undefined && content !== null;
      send(200, JSON.stringify(said(isTool ? null : content, isTool ? tool : more).body));
    };
    if (reply.do === 'answer') answer(reply.json);
    else if (reply.do === 'say') say(reply, body.stream === true, outgoing);
    else if (reply.do === 'decline' && body.stream !== true) answer(null, { refusal: 'No.' });
    else if (reply.do === 'decline')
      outgoing.end(events([{ delta: { refusal: 'N' } }, { delta: { refusal: 'o.' }, finish_reason: 'stop' }]));
    else if (reply.do === 'garbage') send(200, reply.body);
    else if (reply.do === 'cut') incoming.socket.destroy();
    else if (reply.do === 'refuse')
      send(
        reply.status,
        JSON.stringify({ error: { message: `refused for ${incoming.headers.authorization}` } }),
        reply.retryAfterS === undefined ? {} : { 'retry-after': String(reply.retryAfterS) },
      );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const http = createHttp({ allowPrivate: [origin] });
  const { settings: schema, create } = llmAdapters[name];
  const given = Object.fromEntries(Object.entries(settings).map(([key, value]) => [key, value === '' ? origin : value]));
  const deps = { http, httpStream: http.stream, now: Date.now, metrics: createMetrics({ now: Date.now, log: console }) };
  return {
    llm: create(schema.parse(given) as never, deps as never) as Llm,
    apiKey: 'key-of-the-test',
    reply(next) {
      reply = next;
      requests = [];
      closed = Promise.withResolvers();
    },
    closed: () => closed.promise,
    requests: () =>
      requests.map(({ headers: { authorization = '' }, body: { messages } }) => {
        const of = (role: string) => messages.find((one) => one.role === role)?.content ?? '';
        return { task: of('system'), text: of('user'), authorization };
      }),
    async stop() {
      server.closeAllConnections();
      server.close();
      await http.close();
    },
  };
}
