/** `polyb call`: one method, one answer. */
import { deprecationText } from '../../../contracts/kit/deprecation.ts';
import type { EntryFact } from '../../../contracts/kit/describe.ts';
import { isPolybError } from '../../../contracts/kit/errors.ts';
import { callable } from '../kernel/catalogue.ts';
import type { Invocation } from '../kernel/command.ts';
import type { Connected } from '../kernel/connect.ts';
import { advise, wrongUsage } from '../kernel/failure.ts';
import { allowReach, bodyFrom, explain, fitInput, lazyBus, newKey, resolveTarget } from '../kernel/method.ts';
import { spanMs } from '../kernel/text.ts';
import type { Follower } from './follow.ts';

export async function call(invocation: Invocation): Promise<number> {
  const { args, flags } = invocation;
  const [typed, ...params] = args;
  if (typed === undefined)
    throw wrongUsage('expected an address, e.g. crm.push_to_crm', { subject: 'call', next: ['polyb list --methods', 'polyb call --help'] });
  await using line = lazyBus(invocation);
  const target = await resolveTarget(typed, line.get);
  if (flags.on('follow') && flags.text('each') !== undefined)
    throw wrongUsage('--follow follows one call, and --each makes many', { subject: 'call', next: ['polyb calls ls'] });
  if (flags.text('each') !== undefined) return await (await import('./batch.ts')).callEach(invocation, target, params, line.get);
  const { entry, input } = await fitInput(target, await bodyFrom(flags.text('data'), typed), params);
  const follower = flags.on('follow') ? await (await import('./follow.ts')).followerOf(entry, invocation.groups) : undefined;
  if (flags.on('dry-run')) return await showDry(invocation, entry, input);
  await allowReach(invocation, entry);
  return await callOnce(invocation, entry, input, line.get, follower);
}

async function showDry({ out }: Invocation, entry: EntryFact, input: unknown): Promise<number> {
  await out.result(input);
  out.note(`this is the input for ${entry.address}; nothing was sent`, 'ok');
  return 0;
}

async function callOnce(
  invocation: Invocation,
  entry: EntryFact,
  input: unknown,
  line: () => Promise<Connected>,
  follower: Follower | undefined,
): Promise<number> {
  const { flags, out, signal } = invocation;
  const key = flags.text('idempotency-key') ?? (entry.idempotency === 'keyed' ? newKey() : undefined);
  if (entry.deprecated !== undefined) out.note(`${entry.address} is deprecated: ${deprecationText(entry.deprecated)}`, 'warn');
  const dialledAt = performance.now();
  const connected = await line();
  const { bus, prefix, server } = connected;
  out.detail(`  ${prefix}.rpc.${entry.address} at ${server}`);
  const began = performance.now();
  const stopTicking = tick(out, entry);
  try {
    const result = await bus.request(callable(entry), input, { key, signal, timeoutMs: flags.ms('timeout') });
    stopTicking();
    const ms = performance.now() - began;
    const traceId = bus.records().at(-1)?.traceId;
    if (flags.text('save') !== undefined) await (await import('../kernel/save.ts')).save(result, flags.text('save') ?? '', out);
    // A line for a program, as each of the lines that follow.
    else if (follower !== undefined && out.format !== 'pretty' && out.format !== 'table') await out.item(result);
    else await out.result(result, {}, meta(entry, ms, key, traceId));
    out.note([spanMs(ms), ...(key === undefined ? [] : [`key ${key}`]), ...(traceId ? [`(polyb trace ${traceId})`] : [])].join('  '), 'ok');
    if (out.verbose > 1) out.note(`  ${timeline({ started: dialledAt, connected: began, answered: began + ms })}`);
    if (flags.on('trace') && traceId) await (await import('./trace.ts')).drawTrace(connected, traceId, out, signal);
    return follower === undefined ? 0 : await (await import('./follow.ts')).goOn(follower, result, invocation);
  } catch (error) {
    stopTicking();
    if (!isPolybError(error)) throw error;
    const ms = performance.now() - began;
    throw advise(explain(error, entry, key, ms), { meta: meta(entry, ms, key, bus.records().at(-1)?.traceId) });
  }
}

/** Where the time since the process began went, ms. */
function timeline(at: { readonly started: number; readonly connected: number; readonly answered: number }): string {
  const parts = {
    start: at.started,
    connect: at.connected - at.started,
    'send→reply': at.answered - at.connected,
    print: performance.now() - at.answered,
  };
  return Object.entries(parts)
    .map(([name, ms]) => `${name} ${ms.toFixed(1)}`)
    .join(' · ');
}

function meta({ address }: EntryFact, ms: number, key: string | undefined, traceId: string | undefined): object {
  return {
    address,
    durationMs: Math.round(ms),
    ...(key !== undefined && { idempotencyKey: key }),
    ...(traceId !== undefined && { traceId }),
  };
}

/** Says on a terminal that it waits, once that takes long enough to wonder. */
function tick(out: Invocation['out'], { timeoutMs = 10_000 }: EntryFact): () => void {
  if (!out.canAsk) return () => {};
  const began = Date.now();
  const draw = () => process.stderr.write(`\r… ${((Date.now() - began) / 1000).toFixed(1)} s of ${(timeoutMs / 1000).toFixed(0)} s`);
  let drawn = false;
  let timer = setTimeout(function again() {
    drawn = true;
    draw();
    timer = setTimeout(again, 200);
  }, 400);
  return () => {
    clearTimeout(timer);
    if (drawn) process.stderr.write('\r\u001b[K');
  };
}
