import { describe, expect, test } from '@jest/globals';
import { createHealth } from '../../bus/telemetry/dependencies.ts';
import { createMetrics } from '../../bus/telemetry/metrics.ts';
import { type Code, type ErrorDetails, isPolybError, PolybError } from '../../contracts/kit/errors.ts';
import { firstOf } from './first-of.ts';
import type { AnswerItem, AnswerRequest, Llm, LlmRequest, ModelAnswer } from './port.ts';
import { watchedLlm } from './watched.ts';

/** What a model does with a request: texts before the answer, then the answer or a failure; or nothing until it is cancelled. */
interface Plan {
  texts?: readonly string[];
  calls?: ModelAnswer['toolCalls'];
  fails?: PolybError;
  hangs?: boolean;
}
function model(name: string, plan: Plan = {}) {
  const requests: (AnswerRequest | LlmRequest<unknown>)[] = [];
  let closed = 0;
  async function* items(request: AnswerRequest): AsyncGenerator<AnswerItem> {
    const { texts = ['Привет', '!'], calls = [], fails, hangs } = plan;
    try {
      requests.push(request);
      const { signal } = request;
      if (hangs) await new Promise((resolve) => signal.addEventListener('abort', resolve));
      if (signal.aborted) throw new PolybError('cancelled', 'The caller gave up.');
      for (const text of texts) yield { type: 'text', text };
      if (fails) throw fails;
      const answer = { text: texts.join(''), toolCalls: calls, end: 'stop', model: name, inputTokens: 1, outputTokens: 1 } as const;
      yield { type: 'answer', answer };
    } finally {
      closed += 1;
    }
  }
  const llm: Llm = {
    name,
    answerStream: items,
    async answer(request) {
      for await (const item of items(request)) if (item.type === 'answer') return item.answer;
      throw new Error('no answer');
    },
    async ask<T>(request: LlmRequest<T>) {
      requests.push(request);
      if (plan.fails) throw plan.fails;
      return { value: 'any' as T, inputTokens: 1, outputTokens: 1, requests: 1, model: name };
    },
  };
  return { llm, requests, plan, closed: () => closed };
}
function setup(...plans: readonly Plan[]) {
  const models = plans.map((plan, index) => model(`m${index + 1}`, plan));
  const clock = { now: 1_000_000 };
  const warned: object[] = [];
  const log = { debug() {}, info() {}, error() {}, warn: (facts: object) => void warned.push(facts) };
  const metrics = createMetrics({ now: () => clock.now, log });
  const llm = firstOf(
    models.map((each) => each.llm),
    { now: () => clock.now, log, metrics },
  );
  const circuits = async () =>
    (await metrics.reports()).find(({ name }) => name === 'polyb_circuit_state')?.series.map(([[target], value]) => [target, value]);
  return { llm, models, clock, warned, circuits, asked: () => models.map(({ requests }) => requests.length) };
}
const request = (more: Partial<AnswerRequest> = {}): AnswerRequest => ({
  messages: [{ role: 'user', text: 'Привет' }],
  tools: [],
  toolChoice: 'auto',
  maxOutputTokens: 100,
  timeoutMs: 10_000,
  signal: AbortSignal.timeout(20_000),
  ...more,
});
const down = (code: Code = 'unavailable', details: ErrorDetails = {}): PolybError => new PolybError(code, `It is ${code}.`, details);

type Outcome = { readonly text: string; readonly model?: string; readonly error?: PolybError };
const ways: Readonly<Record<'answer' | 'answerStream' | 'ask', (llm: Llm, request: AnswerRequest) => Promise<Outcome>>> = {
  async answer(llm, given) {
    try {
      const { text, model: name } = await llm.answer(given);
      return { text, model: name };
    } catch (error) {
      return { text: '', error: error as PolybError };
    }
  },
  async answerStream(llm, given) {
    let text = '';
    try {
      for await (const item of llm.answerStream(given)) {
        if (item.type === 'text') text += item.text;
        else return { text, model: item.answer.model };
      }
    } catch (error) {
      return { text, error: error as PolybError };
    }
    return { text };
  },
  async ask(llm, { timeoutMs, signal }) {
    try {
      const { model: name } = await llm.ask({ task: 't', text: 'x', name: 'n', schema: undefined as never, timeoutMs, signal });
      return { text: 'Привет!', model: name };
    } catch (error) {
      return { text: '', error: error as PolybError };
    }
  },
};

describe.each(['answer', 'answerStream', 'ask'] as const)('%s', (way) => {
  const run = ways[way];

  test('the first model answers alone while it works', async () => {
    const { llm, asked, circuits } = setup({}, {});
    expect(await run(llm, request())).toEqual({ text: 'Привет!', model: 'm1' });
    expect(asked()).toEqual([1, 0]);
    expect(await circuits()).toEqual([
      ['m1', 0],
      ['m2', 0],
    ]);
  });

  test.each<[string, PolybError]>([
    ['unreachable', down()],
    ['broken', down('upstream_failed')],
    ['without balance', down('failed_precondition', { reason: 'quota' })],
    ['too slow', down('deadline_exceeded')],
  ])('a model that is %s is replaced, and rests for 15 s', async (_, fails) => {
    const { llm, asked, clock, warned, circuits } = setup({ texts: [], fails }, {});
    for (let nth = 0; nth < 3; nth += 1) expect(await run(llm, request())).toEqual({ text: 'Привет!', model: 'm2' });
    expect([asked(), warned.length, (await circuits())?.[0]]).toEqual([[1, 3], 1, ['m1', 2]]);
    clock.now += 14_999;
    await run(llm, request());
    expect(asked()[0]).toBe(1);
    clock.now += 1;
    expect((await circuits())?.[0]).toEqual(['m1', 1]);
    await run(llm, request());
    expect(asked()[0]).toBe(2);
  });

  test('a model that works again is the first again', async () => {
    const { llm, models, clock, circuits } = setup({ texts: [], fails: down() }, {});
    await run(llm, request());
    Object.assign(models[0]?.plan ?? {}, { texts: ['Привет', '!'], fails: undefined });
    clock.now += 15_000;
    expect((await run(llm, request())).model).toBe('m1');
    expect((await circuits())?.[0]).toEqual(['m1', 0]);
  });

  test.each([
    [40_000, 40_000],
    [86_400_000, 300_000],
  ])('a model that names a pause of %d ms rests for %d ms', async (retryAfterMs, restMs) => {
    const { llm, asked, clock } = setup({ texts: [], fails: down('resource_exhausted', { retryAfterMs }) }, {});
    await run(llm, request());
    clock.now += restMs - 1;
    await run(llm, request());
    expect(asked()[0]).toBe(1);
    clock.now += 1;
    await run(llm, request());
    expect(asked()[0]).toBe(2);
  });

  test.each(['llm_refused', 'bad_reply', 'llm_request_refused'])(
    'a request that ends in %s goes to the next model, and no model rests',
    async (reason) => {
      const { llm, asked, warned } = setup({ texts: [], fails: down('upstream_failed', { reason }) }, {});
      for (let nth = 0; nth < 2; nth += 1) expect((await run(llm, request())).model).toBe('m2');
      expect([asked(), warned]).toEqual([[2, 2], []]);
    },
  );

  test('when all fail, the last failure is thrown with the failures of all', async () => {
    const { llm } = setup(
      { texts: [], fails: down() },
      { texts: [], fails: down('failed_precondition', { reason: 'quota', retryAfterMs: 7 }) },
    );
    const { error } = await run(llm, request());
    expect(error).toMatchObject({
      ...{ name: 'PolybError', code: 'failed_precondition', reason: 'quota', message: 'It is failed_precondition.', retryAfterMs: 7 },
      data: {
        models: [
          { model: 'm1', code: 'unavailable' },
          { model: 'm2', code: 'failed_precondition', reason: 'quota' },
        ],
      },
    });
  });

  test('while all rest, none is asked, and the pause is named', async () => {
    const { llm, asked, clock } = setup({ texts: [], fails: down() }, { texts: [], fails: down('unavailable', { retryAfterMs: 20_000 }) });
    await run(llm, request());
    clock.now += 5_000;
    const { error } = await run(llm, request());
    expect(error).toMatchObject({ code: 'unavailable', reason: 'llm_resting', retryAfterMs: 10_000 });
    expect(asked()).toEqual([1, 1]);
  });

  test('a caller that cancels is not given to the next model, and no model rests for it', async () => {
    const { llm, asked, warned } = setup({ texts: [], fails: down('cancelled') }, {});
    expect((await run(llm, request({ signal: AbortSignal.abort() }))).error).toMatchObject({ code: 'cancelled' });
    expect([asked(), warned]).toEqual([[1, 0], []]);
  });

  test('a fault of the program is thrown as it is', async () => {
    const { llm, asked } = setup({ texts: [], fails: new TypeError('undefined is not a function') as never }, {});
    const { error } = await run(llm, request());
    expect([isPolybError(error), asked()]).toEqual([false, [1, 0]]);
  });

  test('the time limit is shared: the next model gets what is left, and none is asked after it', async () => {
    const { llm, models, clock, asked } = setup({ texts: [], fails: down() }, { texts: [], fails: down() }, {});
    const [first, second] = models;
    const slow = (nth: typeof first, ms: number) => {
      const requests = nth?.requests as unknown[];
      const { push } = requests;
      requests.push = (...given) => {
        clock.now += ms;
        return push.apply(requests, given);
      };
    };
    slow(first, 4_000);
    slow(second, 6_000);
    expect((await run(llm, request())).error).toMatchObject({ code: 'unavailable' });
    expect([asked(), models.map(({ requests }) => requests[0]?.timeoutMs)]).toEqual([
      [1, 1, 0],
      [10_000, 6_000, undefined],
    ]);
  });
});

describe.each(['answer', 'answerStream'] as const)('%s', (way) => {
  const run = ways[way];

  test('a model that says nothing for half of the time is cancelled and replaced, the last one has all of it', async () => {
    const { llm, models, warned } = setup({ hangs: true }, {});
    expect((await run(llm, request({ timeoutMs: 60 }))).model).toBe('m2');
    expect([models[0]?.closed(), warned]).toEqual([1, [{ llm: 'm1', code: 'deadline_exceeded', reason: undefined }]]);
  });
});

test.each<[string, Plan]>([
  ['a word', { texts: ['При'], fails: down('upstream_failed', { reason: 'cut_off' }) }],
  ['two words', { texts: ['При', 'вет'], fails: down('upstream_failed') }],
])('after %s of a stream no other model is asked, and the failed one rests', async (_, plan) => {
  const { llm, asked, warned } = setup(plan, {});
  const { text, error } = await ways.answerStream(llm, request());
  expect([text, error, asked(), warned.length]).toEqual([plan.texts?.join(''), plan.fails, [1, 0], 1]);
});

test('an answer with tool calls is the only one', async () => {
  const { llm, asked } = setup({ texts: [], calls: [{ id: 'c', name: 'book', arguments: '{}' }] }, {});
  const items: AnswerItem[] = [];
  for await (const item of llm.answerStream(request())) items.push(item);
  expect(items).toMatchObject([{ type: 'answer', answer: { model: 'm1', toolCalls: [{ name: 'book' }] } }]);
  expect(asked()).toEqual([1, 0]);
});

test('a reader that leaves ends the stream of the model, which does not rest for it', async () => {
  const { llm, models, warned } = setup({}, {});
  for await (const _ of llm.answerStream(request())) break;
  expect([models[0]?.closed(), warned]).toEqual([1, []]);
});

test('health sees each request of a watched model, a stream at its end', async () => {
  const health = createHealth(() => 7);
  const of = (plan: Plan) => watchedLlm(model('m', plan).llm, health.of('llm:m')) as Llm;
  const failure = () => health.statuses()[0]?.failure;
  const broken = down('upstream_failed', { reason: 'cut_off' });
  for (const run of Object.values(ways)) {
    await run(of({ texts: [], fails: broken }), request());
    expect(failure()).toBe('upstream_failed/cut_off');
    await run(of({}), request());
    expect(failure()).toBeNull();
  }
  const answers = of({ fails: broken }).answerStream(request())[Symbol.asyncIterator]();
  await answers.next();
  expect(failure()).toBeNull();
  await answers.return?.();
  expect(failure()).toBeNull();
});
