/**
 * Providers of one kind in their order of preference. One that fails rests; after the rest a probe that costs little decides whether it
 * works again, so that no caller pays for the attempt.
 */
import { isPolybError, PolybError } from '../contracts/kit/errors.ts';
import type { Metrics } from '../contracts/kit/metric.ts';
import { circuitState, providerChanges } from '../contracts/metrics.ts';
import type { Clock } from '../media/sip/clock.ts';
import type { Log } from './deps.ts';

/** Pause after a failure, unless the provider names a time, and until the next probe. */
const restMs = 15_000;
const longestRestMs = 300_000;
const probeMs = 5_000;

export interface PreferredDeps {
  readonly clock: Clock;
  readonly log: Pick<Log, 'warn' | 'info'>;
  readonly metrics: Pick<Metrics, 'sample' | 'count'>;
  /** Health of a provider, by its name. */
  readonly health: (provider: string) => { watch<T>(request: () => Promise<T>): Promise<T> };
}
export interface Preferred<P> {
  /** The first of these that does not rest; else the one whose rest is over first. */
  pick(from: readonly P[]): P | undefined;
  /** It works, and rests no more. */
  worked(one: P): void;
  /** It failed and rests. */
  failed(one: P, error: PolybError): void;
  /** Another one goes on where `from` was. */
  replaced(from: P, to: P, why: 'failed' | 'silent' | 'recovered'): void;
  close(): void;
}

/**
 * @param kind `asr` or `tts`, in metrics
 * @param probe ends when the provider works; its failure is one of the provider
 */
export function preferred<P extends { readonly provider: string }>(
  kind: string,
  providers: readonly P[],
  probe: (one: P, signal: AbortSignal) => Promise<void>,
  { clock, log, metrics, health }: PreferredDeps,
): Preferred<P> {
  const rests = new Map<P, { readonly until: number; readonly cancel: () => void }>();
  const closing = new AbortController();
  const nameOf = ({ provider }: P): string => `${kind}:${provider}`;
  metrics.sample(() => providers.map((each) => ({ of: circuitState, labels: { target: nameOf(each) }, value: rests.has(each) ? 2 : 0 })), {
    freshMs: 0,
  });

  function rest(one: P, ms: number): void {
    if (closing.signal.aborted) return;
    rests.get(one)?.cancel();
    rests.set(one, { until: clock.now() + ms, cancel: clock.after(ms, () => void tryAgain(one)) });
  }
  async function tryAgain(one: P): Promise<void> {
    const limit = new AbortController();
    const cancel = clock.after(probeMs, () => limit.abort(new PolybError('deadline_exceeded', `${one.provider} did not answer a probe.`)));
    const signal = AbortSignal.any([limit.signal, closing.signal]);
    try {
      await health(one.provider).watch(() => probe(one, signal));
      wake(one);
    } catch (thrown) {
      if (!closing.signal.aborted) rest(one, isPolybError(thrown) ? pauseOf(thrown) : restMs);
    } finally {
      cancel();
    }
  }
  function wake(one: P): void {
    rests.get(one)?.cancel();
    if (rests.delete(one)) log.info({ provider: nameOf(one) }, 'a provider of speech works again');
  }
  return {
    pick(from) {
      const awake = from.find((each) => !rests.has(each));
      return awake ?? from.toSorted((a, b) => (rests.get(a)?.until ?? 0) - (rests.get(b)?.until ?? 0))[0];
    },
    worked: wake,
    failed(one, error) {
      health(one.provider)
        .watch(() => Promise.reject(error))
        .catch(() => {}); // It is what is noted.
      log.warn({ provider: nameOf(one), code: error.code, reason: error.reason }, 'a provider of speech fails and rests');
      rest(one, pauseOf(error));
    },
    replaced: (from, to, why) => metrics.count(providerChanges, { kind, from: from.provider, to: to.provider, why }),
    close() {
      closing.abort();
      for (const { cancel } of rests.values()) cancel();
      rests.clear();
    },
  };
}
const pauseOf = ({ retryAfterMs = restMs }: PolybError): number => Math.min(retryAfterMs, longestRestMs);
