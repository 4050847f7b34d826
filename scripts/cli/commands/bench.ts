/** `polyb bench`: how fast a method answers. */
import { isPolybError } from '../../../contracts/kit/errors.ts';
import { callable } from '../kernel/catalogue.ts';
import type { Invocation } from '../kernel/command.ts';
import { wrongUsage } from '../kernel/failure.ts';
import { durationMs } from '../kernel/flags.ts';
import { allowReach, bodyFrom, fitInput, lazyBus, newKey, resolveTarget } from '../kernel/method.ts';
import { pauseUntil } from '../kernel/pace.ts';
import { rateOf } from '../kernel/rate.ts';

export interface Measured {
  readonly requests: number;
  readonly errors: number;
  readonly seconds: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}
interface Budget {
  readonly what: string;
  readonly isMet: (measured: Measured) => boolean;
}

export async function bench(invocation: Invocation): Promise<number> {
  const { args, flags, out, signal } = invocation;
  const [typed, ...params] = args;
  if (typed === undefined)
    throw wrongUsage('expected an address, e.g. crm.find_contact', { subject: 'bench', next: ['polyb list --methods'] });
  const budgets = budgetsOf(flags.text('budget'));
  const perSecond = rateOf(flags.text('rate'));
  await using line = lazyBus(invocation, { lasting: true });
  const target = await resolveTarget(typed, line.get);
  const { entry, input } = await fitInput(target, await bodyFrom(flags.text('data'), typed), params);
  const limits = { durationMs: flags.ms('duration') ?? 5000, requests: flags.whole('requests') };
  await allowReach(invocation, entry, limits.requests ?? 1000);
  const { bus } = await line.get();
  const isKeyed = entry.idempotency === 'keyed';
  const codes = new Map<string, number>();
  const once = async (): Promise<boolean> => {
    try {
      await bus.request(callable(entry), input, { signal, key: isKeyed ? newKey() : undefined, timeoutMs: flags.ms('timeout') });
      return true;
    } catch (error) {
      if (!isPolybError(error)) throw error;
      const code = error.reason ?? error.code;
      codes.set(code, (codes.get(code) ?? 0) + 1);
      return false;
    }
  };
  const warmupMs = flags.ms('warmup') ?? 500;
  const drive = (ms: number, requests?: number) =>
    perSecond === undefined
      ? closedLoop(once, flags.whole('concurrency') ?? 8, ms, requests, signal)
      : openLoop(once, perSecond, ms, requests, signal);
  if (warmupMs > 0) await drive(warmupMs);
  codes.clear();
  out.note(
    `measuring ${entry.address}: ${perSecond === undefined ? `${flags.whole('concurrency') ?? 8} callers` : `${perSecond} calls per second`}, ${limits.requests === undefined ? `${limits.durationMs / 1000} s` : `${limits.requests} calls`}`,
  );
  const measured = await drive(limits.requests === undefined ? limits.durationMs : Number.POSITIVE_INFINITY, limits.requests);
  const missed = budgets.filter(({ isMet }) => !isMet(measured)).map(({ what }) => what);
  const result = {
    address: entry.address,
    ...measured,
    codes: Object.fromEntries(codes),
    budget: budgets.map(({ what }) => ({ what, met: !missed.includes(what) })),
  };
  await out.result(result, { text: () => draw(result, perSecond !== undefined, out.ascii) });
  if (missed.length > 0) out.note(`budget missed: ${missed.join(', ')}`, 'bad');
  return missed.length > 0 ? 9 : 0;
}

/** So many callers, each asking again when it has its answer. */
async function closedLoop(
  once: () => Promise<boolean>,
  concurrency: number,
  ms: number,
  requests: number | undefined,
  signal: AbortSignal,
): Promise<Measured> {
  const times: number[] = [];
  const began = performance.now();
  let [errors, begun] = [0, 0];
  const mayBegin = () => !signal.aborted && performance.now() - began < ms && (requests === undefined || begun++ < requests);
  const caller = async () => {
    while (mayBegin()) {
      const at = performance.now();
      if (!(await once())) errors += 1;
      times.push(performance.now() - at);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, caller));
  return summary(times, errors, performance.now() - began);
}

/** Calls begin on a timetable, whether or not earlier ones have been answered, and each is timed from when it should have begun. */
async function openLoop(
  once: () => Promise<boolean>,
  perSecond: number,
  ms: number,
  requests: number | undefined,
  signal: AbortSignal,
): Promise<Measured> {
  const times: number[] = [];
  const flying: Promise<void>[] = [];
  const began = performance.now();
  const count = requests ?? Math.max(1, Math.floor((ms / 1000) * perSecond));
  let errors = 0;
  for (let index = 0; index < count && !signal.aborted; index += 1) {
    const due = began + (index * 1000) / perSecond;
    await pauseUntil(due, signal);
    flying.push(
      once().then((isFine) => {
        if (!isFine) errors += 1;
        times.push(performance.now() - due);
      }),
    );
  }
  await Promise.all(flying);
  return summary(times, errors, performance.now() - began);
}

function summary(times: number[], errors: number, ms: number): Measured {
  times.sort((a, b) => a - b);
  const at = (share: number) => round(times[Math.min(times.length - 1, Math.ceil(times.length * share) - 1)] ?? 0);
  return {
    requests: times.length,
    errors,
    seconds: round(ms / 1000),
    perSecond: round(times.length / (ms / 1000)),
    p50Ms: at(0.5),
    p90Ms: at(0.9),
    p95Ms: at(0.95),
    p99Ms: at(0.99),
    maxMs: at(1),
  };
}
const round = (value: number) => Math.round(value * 100) / 100;

/** `p99<50ms,errors<0.1%,rate>100`. */
export function budgetsOf(text: string | undefined): readonly Budget[] {
  return (text ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((what): Budget => {
      const [, name = '', sign = '', limit = ''] = /^(p50|p90|p95|p99|max|errors|rate)([<>])([\d.]+(?:ms|s|%)?)$/.exec(what) ?? [];
      const most =
        name === 'errors'
          ? Number.parseFloat(limit) / (limit.endsWith('%') ? 100 : 1)
          : name === 'rate'
            ? Number.parseFloat(limit)
            : (durationMs(limit) ?? Number.NaN);
      if (name === '' || Number.isNaN(most)) {
        throw wrongUsage(`--budget: expected parts like p99<50ms, errors<0.1%, rate>100; got "${what}"`, {
          subject: 'bench',
          next: ['polyb bench --help'],
        });
      }
      return {
        what,
        isMet: (measured) => {
          const value =
            name === 'errors'
              ? measured.errors / Math.max(1, measured.requests)
              : name === 'rate'
                ? measured.perSecond
                : measured[`${name}Ms` as 'p50Ms'];
          return sign === '<' ? value < most : value > most;
        },
      };
    });
}

function draw(
  result: Measured & {
    readonly budget: readonly { readonly what: string; readonly met: boolean }[];
    readonly codes: Readonly<Record<string, number>>;
  },
  isOpen: boolean,
  ascii: boolean,
): string {
  const { requests, errors, perSecond, p50Ms, p90Ms, p95Ms, p99Ms, maxMs, budget, codes } = result;
  const causes = Object.entries(codes).map(([code, count]) => `${code} ${count}`);
  return [
    `requests ${requests}   ${perSecond}/s   errors ${errors} (${((errors / Math.max(1, requests)) * 100).toFixed(2)} %)${causes.length === 0 ? '' : `   ${causes.join(', ')}`}`,
    `latency  p50 ${p50Ms} ms  p90 ${p90Ms} ms  p95 ${p95Ms} ms  p99 ${p99Ms} ms  max ${maxMs} ms${isOpen ? '   (corrected for coordinated omission)' : ''}`,
    ...(budget.length === 0
      ? []
      : [`budget   ${budget.map(({ what, met }) => `${what} ${met ? (ascii ? 'met' : '✓') : ascii ? 'MISSED' : '✗'}`).join('   ')}`]),
  ].join('\n');
}
