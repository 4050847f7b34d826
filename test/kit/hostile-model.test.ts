import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import {
  type Attack,
  attacks,
  type ChatRequest,
  type HostileAnswer,
  type HostileModel,
  hostileAnswers,
  hostileModel,
} from './hostile-model.ts';

const canaries = ['CANARY-1', 'CANARY-2'];
const tool = (name: string, ...fields: readonly string[]) => ({
  type: 'function',
  function: { name, parameters: { type: 'object', properties: Object.fromEntries(fields.map((field) => [field, {}])) } },
});
const request: ChatRequest = {
  messages: [
    { role: 'system', content: 'You answer for a salon. CANARY-2' },
    { role: 'user', content: 'запишите меня' },
    { role: 'tool', content: '{"slots":[{"slot":"s7"}],"appointments":[{"appointment":"a3"}]}' },
  ],
  tools: [tool('create_appointment', 'slot', 'name'), tool('get_services', 'query')],
};
const answersOf = (count: number, seed: number, asked = request): readonly HostileAnswer[] => {
  const answer = hostileAnswers({ seed, canaries });
  return Array.from({ length: count }, () => answer(asked));
};
const ofKind = (attack: Attack, count = 1000) => answersOf(count, 5).filter((each) => each.attack === attack);

test('the same seed gives the same answers, another seed others', () => {
  expect(answersOf(100, 1)).toEqual(answersOf(100, 1));
  expect(answersOf(100, 2)).not.toEqual(answersOf(100, 1));
});

test('every attack occurs within 1,000 answers, for any of 5 seeds', () => {
  for (let seed = 0; seed < 5; seed += 1) expect(new Set(answersOf(1000, seed).map(({ attack }) => attack)).size).toBe(attacks.length);
});

test('writes use the refs of the messages, and forged ones none of them', () => {
  const refs = ofKind('write_real').map(({ calls }) => JSON.parse(calls[0]?.arguments ?? '') as { slot?: string; appointment?: string });
  expect(new Set(refs.flatMap(({ slot = [] }) => slot))).toEqual(new Set(['s7']));
  expect(new Set(refs.flatMap(({ appointment = [] }) => appointment))).toEqual(new Set(['a3']));
  for (const { calls } of ofKind('forged_ref')) expect(calls[0]?.arguments).not.toMatch(/"(?:s7|a3)"/);
});

test('leaks repeat the prompt, and only a canary that it saw', () => {
  expect(ofKind('prompt_leak').every(({ text }) => text.includes('salon') || text.includes('CANARY-2'))).toBe(true);
  const bare = ofKind('canary_leak').filter(({ text }) => text.includes('CANARY-'));
  expect(bare.length).toBeGreaterThan(0);
  expect(bare.every(({ text }) => text === 'CANARY-2')).toBe(true);
});

test('the call without end follows each of its results', () => {
  const [first] = ofKind('same_call');
  const looped: ChatRequest = {
    ...request,
    messages: [
      { role: 'user', content: 'x' },
      { role: 'assistant', tool_calls: (first?.calls ?? []).map((each) => ({ id: '1', function: each })) },
      { role: 'tool', content: '{}' },
    ],
  };
  expect(new Set(answersOf(50, 3, looped).map(({ attack }) => attack))).toEqual(new Set(['same_call']));
});

test('arguments that are no JSON, floods of ten and answers of a megabyte are what they say', () => {
  expect(ofKind('no_json').some(({ calls }) => isNoJson(calls[0]?.arguments ?? ''))).toBe(true);
  for (const attack of ['ten_calls', 'hand_over_flood', 'call_flood', 'note_flood'] as const)
    for (const { calls } of ofKind(attack, 500)) expect(calls).toHaveLength(10);
  expect(ofKind('too_long', 200)[0]?.text.length).toBe(1_048_576);
});
const isNoJson = (text: string): boolean => {
  try {
    JSON.parse(text);
    return false;
  } catch {
    return true;
  }
};

let model: HostileModel;
beforeAll(async () => {
  model = await hostileModel({ seed: 2, canaries });
});
afterAll(() => model.stop());

const ask = (url: string, stream: boolean) =>
  fetch(`${url}/chat/completions`, { method: 'POST', headers: { connection: 'close' }, body: JSON.stringify({ ...request, stream }) });

/** The answer as a client reads it; null when the connection ended within it. */
async function read(
  url: string,
  stream: boolean,
): Promise<{ readonly status: number; readonly text: string; readonly calls: readonly string[] } | null> {
  const response = await ask(url, stream);
  const body = await response.text().catch(() => null);
  if (body === null) return null;
  if (response.status !== 200) return { status: response.status, text: '', calls: [] };
  if (!stream) {
    const { message } = JSON.parse(body).choices[0];
    return {
      status: 200,
      text: message.content ?? '',
      calls: (message.tool_calls ?? []).map((each: { function: { arguments: string } }) => each.function.arguments),
    };
  }
  expect(body.endsWith('data: [DONE]\n\n')).toBe(true);
  const deltas = body
    .split('\n\n')
    .flatMap((line) => (line.startsWith('data: {') ? (JSON.parse(line.slice(6)).choices[0]?.delta ?? []) : []));
  const calls: string[] = [];
  for (const { tool_calls: parts = [] } of deltas)
    for (const part of parts) calls[part.index] = (calls[part.index] ?? '') + part.function.arguments;
  return { status: 200, text: deltas.map(({ content = '' }) => content).join(''), calls };
}

test('whole and streamed answers are those of the seed; a cut answer ends in the middle, a refused one is a 400', async () => {
  const expected = answersOf(100, 2);
  for (const [index, { attack, text, calls, isCut = false, status = 200 }] of expected.entries()) {
    const got = await read(model.url, index % 2 === 0);
    expect({ attack, got }).toEqual({ attack, got: isCut ? null : { status, text, calls: calls.map((each) => each.arguments) } });
  }
  expect(model.requests().map(({ attack }) => attack)).toEqual(expected.map(({ attack }) => attack));
  expect(expected.map(({ attack }) => attack)).toEqual(expect.arrayContaining(['cut_off', 'bad_request', 'too_long', 'ten_calls']));
});

test('runs in its own process, prints its address and ends on SIGTERM', async () => {
  const child = spawn(process.execPath, [new URL('./hostile-model.ts', import.meta.url).pathname, '--seed', '1', '--canary', 'X'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  using lines = createInterface(child.stdout);
  const [url] = (await once(lines, 'line')) as [string];
  expect((await ask(url, false)).status).toBeGreaterThanOrEqual(200);
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
});
