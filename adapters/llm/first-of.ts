/**
 * Several language models as one: the next is asked when one fails before its first word. A model that fails rests, so that it does not
 * delay every request.
 */
import { isPolybError, PolybError } from '../../contracts/kit/errors.ts';
import type { Metrics } from '../../contracts/kit/metric.ts';
import type { Log } from '../../contracts/kit/ports.ts';
import { circuitState } from '../../contracts/metrics.ts';
import type { AnsweringLlm, AskingLlm, Llm } from './port.ts';

/** Pause after a failure of a model, unless it names a time. */
const restMs = 15_000;
const longestRestMs = 300_000;
/** Failures of the request, which the next one need not have. */
const ofRequest: readonly (string | undefined)[] = ['bad_reply', 'llm_refused', 'llm_request_refused'];

export interface FirstOfDeps {
  readonly now: () => number;
  readonly log: Pick<Log, 'warn'>;
  readonly metrics: Pick<Metrics, 'sample'>;
}
interface Bounded {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}
interface Failed {
  readonly model: string;
  readonly code: string;
  readonly reason: string | undefined;
}

/**
 * Models in order of preference. The time limit of a request is for all together: a model that has another behind it gets half of what
 * is left for its first word. After its first word a model is not replaced.
 * @throws PolybError of the last model that was asked, with the failures of all in `data.models`; unavailable/llm_resting when all rest.
 */
export function firstOf(models: readonly Llm[], deps: FirstOfDeps): Llm;
export function firstOf(models: readonly AnsweringLlm[], deps: FirstOfDeps): AnsweringLlm;
export function firstOf(models: readonly AnsweringLlm[], { now, log, metrics }: FirstOfDeps): AnsweringLlm & Partial<AskingLlm> {
  const circuits = models.map((model) => ({ model, restsUntil: 0 }));
  type Circuit = (typeof circuits)[number];
  const state = ({ restsUntil }: Circuit): number => (restsUntil === 0 ? 0 : now() < restsUntil ? 2 : 1);
  metrics.sample(() => circuits.map((each) => ({ of: circuitState, labels: { target: each.model.name }, value: state(each) })), {
    freshMs: 0,
  });

  function note(circuit: Circuit, { code, reason, retryAfterMs }: PolybError): void {
    if (ofRequest.includes(reason)) return;
    circuit.restsUntil = now() + Math.min(retryAfterMs ?? restMs, longestRestMs);
    log.warn({ llm: circuit.model.name, code, reason }, 'a language model fails and is not asked for a while');
  }
  function succeed(circuit: Circuit): void {
    if (now() >= circuit.restsUntil) circuit.restsUntil = 0; // A reply to an earlier request proves nothing.
  }

  /** The result of `attempt` with the first model that does not fail in it. */
  async function first<R extends Bounded, T>(
    request: R,
    attempt: (model: AnsweringLlm, request: R) => Promise<T>,
  ): Promise<{ readonly circuit: Circuit; readonly result: T }> {
    const endsAt = now() + request.timeoutMs;
    const failed: Failed[] = [];
    let last: PolybError | undefined;
    const awake = circuits.filter((each) => now() >= each.restsUntil);
    for (const { model } of circuits.filter((each) => !awake.includes(each)))
      failed.push({ model: model.name, code: 'unavailable', reason: 'llm_resting' });
    for (const [place, circuit] of awake.entries()) {
      const timeoutMs = endsAt - now();
      if (timeoutMs <= 0 && last !== undefined) break;
      using patience = patienceOf(request.signal, place === awake.length - 1 ? undefined : timeoutMs / 2);
      try {
        const result = await attempt(circuit.model, { ...request, timeoutMs, signal: patience.signal });
        succeed(circuit);
        return { circuit, result };
      } catch (thrown) {
        if (request.signal.aborted || !isPolybError(thrown)) throw thrown;
        last = patience.isOver() ? tooSlow(circuit.model) : thrown;
        note(circuit, last);
        failed.push({ model: circuit.model.name, code: last.code, reason: last.reason });
      }
    }
    throw allFailed(last ?? resting(circuits.map(({ restsUntil }) => restsUntil - now())), failed);
  }

  return {
    name: models.map(({ name }) => name).join(', '),
    answer: async (request) => (await first(request, (model, bounded) => model.answer(bounded))).result,
    async *answerStream(request) {
      const { circuit, result } = await first(request, async (model, bounded) => {
        const items = model.answerStream(bounded)[Symbol.asyncIterator]();
        return { items, first: await items.next() };
      });
      try {
        for (let item = result.first; !item.done; item = await result.items.next()) yield item.value;
      } catch (error) {
        if (isPolybError(error) && !request.signal.aborted) note(circuit, error);
        throw error;
      } finally {
        await result.items.return?.();
      }
    },
    // The overload with `ask` takes only models that have it.
    ask: async (request) => (await first(request, (model, bounded) => (model as Llm).ask(bounded))).result,
  };
}

/** The signal of one attempt, which also fires after `limitMs` without a first word. */
function patienceOf(signal: AbortSignal, limitMs: number | undefined) {
  if (limitMs === undefined) return { signal, isOver: () => false, [Symbol.dispose]() {} };
  const over = new AbortController();
  const timer = setTimeout(() => over.abort(), limitMs);
  return {
    signal: AbortSignal.any([signal, over.signal]),
    isOver: () => over.signal.aborted,
    [Symbol.dispose]: () => clearTimeout(timer),
  };
}
const tooSlow = ({ name }: AnsweringLlm): PolybError =>
  new PolybError('deadline_exceeded', `${name} gave no answer within half of the time; the next language model was asked.`);
const resting = (leftMs: readonly number[]): PolybError =>
  new PolybError('unavailable', 'Every language model failed a moment ago and is not asked for a while.', {
    reason: 'llm_resting',
    retryAfterMs: Math.max(0, Math.min(...leftMs)),
  });
function allFailed({ code, message, reason, retryAfterMs, outcome, evidence }: PolybError, models: readonly Failed[]): PolybError {
  return new PolybError(code, message, { reason, retryAfterMs, outcome, evidence, data: { models } });
}
