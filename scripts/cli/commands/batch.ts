/** `polyb call --each`: one call for each line of input, one line of output for each call. */
import { derivedKey } from '../../../bus/wire/key.ts';
import { exitOf, toPolybError, toProblem } from '../../../contracts/kit/errors.ts';
import { callable } from '../kernel/catalogue.ts';
import type { Invocation } from '../kernel/command.ts';
import type { Connected } from '../kernel/connect.ts';
import { wrongUsage } from '../kernel/failure.ts';
import { makeInput, parseJson, readText } from '../kernel/input.ts';
import { allowReach, explain, newKey, type Target } from '../kernel/method.ts';
import { pace } from '../kernel/pace.ts';
import { rateOf } from '../kernel/rate.ts';

interface Line {
  /** Counted from 1. */
  readonly line: number;
  readonly text: string;
}
interface Outcome {
  readonly line: number;
  readonly ok: boolean;
  readonly key?: string;
  readonly exit?: number;
  readonly result?: unknown;
  readonly problem?: unknown;
}

export async function callEach(
  invocation: Invocation,
  target: Target,
  params: readonly string[],
  line: () => Promise<Connected>,
): Promise<number> {
  const { flags, out, signal } = invocation;
  const { entry } = target;
  const lines = await allLines(flags.text('each') || flags.text('data'), entry.address);
  const inputs = lines.map(({ line: number, text }) => ({ line: number, ...prepare(target, text, number, params) }));
  const wrong = inputs.filter((one) => one.error !== undefined);
  if (flags.on('dry-run')) {
    await out.result(
      inputs.map(({ line: number, input, error }) => ({
        line: number,
        ok: error === undefined,
        ...(error === undefined ? { input } : { problem: toProblem(error) }),
      })),
    );
    out.note(
      `${inputs.length - wrong.length} of ${inputs.length} inputs would be sent; nothing was sent`,
      wrong.length === 0 ? 'ok' : 'warn',
    );
    return wrong.length === 0 ? 0 : 10;
  }
  await allowReach(invocation, entry, inputs.length);
  const isKeyed = entry.idempotency === 'keyed';
  const baseKey = flags.text('idempotency-key') ?? (isKeyed ? newKey() : undefined);
  if (isKeyed) out.note(`  key ${baseKey}:<line>; with the same --idempotency-key all lines can be repeated safely`);
  const { bus } = await line();
  const timeoutMs = flags.ms('timeout');

  const one = async ({ line: number, input, error }: (typeof inputs)[number]): Promise<Outcome> => {
    const key = baseKey === undefined ? undefined : derivedKey(baseKey, String(number));
    const known = { line: number, ...(key !== undefined && { key }) };
    try {
      if (error !== undefined) throw error;
      return { ...known, ok: true, result: await bus.request(callable(entry), input, { key, signal, timeoutMs }) };
    } catch (thrown) {
      const failed = explain(toPolybError(thrown), entry, key);
      return { ...known, ok: false, exit: exitOf(failed), problem: toProblem(failed) };
    }
  };

  const outcomes: Outcome[] = [];
  const isWhole = out.format === 'json' || out.format === 'yaml' || out.format === 'table';
  await pace(inputs, { concurrency: flags.whole('concurrency') ?? 4, perSecond: rateOf(flags.text('rate')), signal }, async (input) => {
    const outcome = await one(input);
    outcomes.push(outcome);
    if (!isWhole) await out.item(outcome);
  });
  outcomes.sort((a, b) => a.line - b.line);
  if (isWhole) await out.result(outcomes);
  const failed = outcomes.filter(({ ok }) => !ok).length;
  const skipped = inputs.length - outcomes.length;
  out.note(
    `${outcomes.length - failed} done, ${failed} failed${skipped > 0 ? `, ${skipped} not started` : ''}`,
    failed + skipped === 0 ? 'ok' : 'bad',
  );
  return failed + skipped === 0 ? 0 : 10;
}

function prepare(target: Target, text: string, number: number, params: readonly string[]) {
  try {
    return { input: makeInput(target, parseJson(text, target.entry.address, `line ${number}`), params) };
  } catch (error) {
    return { error: toPolybError(error) };
  }
}

/** Lines of JSON, or the items of one JSON list. */
async function allLines(source: string | undefined, subject: string): Promise<readonly Line[]> {
  if (source === undefined) throw wrongUsage('--each: expected a file, or -d - in addition', { subject, next: ['polyb call --help'] });
  const isFile = source !== '-' && !source.startsWith('@');
  const text = await readText(isFile ? `@${source}` : source, subject);
  if (text.trimStart().startsWith('[')) {
    const items = parseJson(text, subject, source);
    return (items as unknown[]).map((item, index) => ({ line: index + 1, text: JSON.stringify(item) }));
  }
  return text
    .split('\n')
    .map((part, index) => ({ line: index + 1, text: part }))
    .filter((part) => part.text.trim() !== '');
}
