/** `polyb pipelines`: what is declared, and starting a run. */
import type { PipelineFact } from '../../../contracts/kit/describe.ts';
import { isPolybError } from '../../../contracts/kit/errors.ts';
import { type Catalogue, callable, catalogueOfCode, readCatalogue } from '../kernel/catalogue.ts';
import type { Invocation } from '../kernel/command.ts';
import { refusal, wrongUsage } from '../kernel/failure.ts';
import { allowReach, bodyFrom, explain, fitInput, lazyBus, newKey } from '../kernel/method.ts';
import { nearest } from '../kernel/nearest.ts';
import type { Output } from '../kernel/output.ts';
import { drawTable } from '../kernel/text.ts';
import { page } from './describe.ts';
import { drawSequence, type Sequence, sequenceWidth, toMermaid } from './draw/sequence.ts';

interface Found {
  readonly name: string;
  readonly fact: PipelineFact;
  readonly catalogue: Catalogue;
}

export async function listPipelines({ out }: Invocation): Promise<number> {
  const { pipelines, entries } = await readCatalogue();
  const rows = Object.entries(pipelines).map(([name, { method, steps }]) => ({
    name,
    method,
    steps: steps.map((step) => step.name),
    summary: entries[method]?.summary ?? '',
  }));
  await out.result(rows, {
    table: () => ({
      columns: ['PIPELINE', 'STEPS', 'SUMMARY'],
      rows: rows.map(({ name, steps, summary }) => [name, steps.join(' → '), summary]),
    }),
  });
  if (rows.length === 0) out.note('no pipeline is declared', 'warn');
  return 0;
}

/** By its method's address, or by the method's bare name where it is unique. */
async function find({ args, path }: Invocation): Promise<Found> {
  const [typed] = args;
  const written = await readCatalogue();
  if (typed === undefined)
    throw wrongUsage(`expected a pipeline: ${Object.keys(written.pipelines).join(', ')}`, { subject: path, next: ['polyb pipelines ls'] });
  const catalogue = named(written, typed).length > 0 ? written : await catalogueOfCode();
  const addresses = Object.keys(catalogue.pipelines);
  const [found, ...others] = named(catalogue, typed);
  if (found === undefined)
    throw refusal('not_found', `there is no pipeline ${typed}`, {
      subject: path,
      effect: 'nothing_done',
      close: nearest(typed, typed.includes('.') ? addresses : addresses.map(bareName)),
      next: ['polyb pipelines ls'],
    });
  if (others.length > 0)
    throw refusal('invalid_argument', `several services have a pipeline ${typed}`, {
      subject: path,
      reason: 'ambiguous',
      close: [found, ...others].map(({ method }) => method),
    });
  return { name: found.method, fact: found, catalogue };
}

const bareName = (address: string): string => address.split('.')[1] ?? address;
const named = ({ pipelines }: Catalogue, typed: string): readonly PipelineFact[] =>
  Object.values(pipelines).filter(({ method }) => method === typed || bareName(method) === typed);

export async function showPipeline(invocation: Invocation): Promise<number> {
  const { out } = invocation;
  const { name, fact, catalogue } = await find(invocation);
  const entry = catalogue.entries[fact.method];
  const steps = () =>
    drawTable({ columns: ['STEP', 'KIND', 'OF'], rows: fact.steps.map((step) => [step.name, step.kind, step.target ?? '']) });
  await out.result(
    { name, ...fact, ...(entry && { summary: entry.summary, input: entry.input, output: entry.output }) },
    {
      text: () =>
        [...(entry === undefined ? [] : [page(entry, out)]), `${out.paint('bold', 'STEPS')}\n${steps().replace(/^/gm, '  ')}`].join('\n\n'),
    },
  );
  return 0;
}

export async function graphPipeline(invocation: Invocation): Promise<number> {
  const { flags, out } = invocation;
  const { name, fact } = await find(invocation);
  const sequence = declared(fact);
  const wanted = flags.text('format') ?? 'sequence';
  if (
    wanted === 'json' ||
    (flags.text('format') === undefined && out.format !== 'pretty' && out.format !== 'table' && flags.text('output') !== undefined)
  )
    await out.result({ name, ...fact, ...sequence });
  else if (wanted === 'mermaid') out.print(toMermaid(sequence));
  else if (wanted === 'sequence' && sequenceWidth(sequence) <= out.width) out.print(drawSequence(sequence, out));
  else out.print(treeOf(name, fact, out));
  return 0;
}

/** What the declaration promises; a step with a condition may not take place. */
export function declared({ method, steps }: PipelineFact): Sequence {
  const runner = method.split('.')[0] ?? method;
  const of = (target: string | undefined) => target?.split('.')[0] ?? runner;
  const verb = (target: string | undefined) => target?.split('.')[1] ?? '';
  const messages = steps.map((step) => {
    if (step.kind === 'step') return { at: '', from: runner, to: of(step.target), text: verb(step.target) };
    if (step.kind === 'wait') return { at: '', from: of(step.target), to: runner, text: verb(step.target), back: true };
    return { at: '', from: runner, to: runner, text: `delay ${step.name}` };
  });
  const names = new Set(['client', runner, ...steps.filter(({ kind }) => kind !== 'delay').map(({ target }) => of(target))]);
  return {
    participants: [...names].map((name) => ({ name })),
    messages: [
      { at: '', from: 'client', to: runner, text: method.split('.')[1] ?? method },
      ...messages,
      { at: '', from: runner, to: 'client', text: 'output', back: true },
    ],
  };
}

function treeOf(name: string, { steps }: PipelineFact, { ascii }: Pick<Output, 'ascii'>): string {
  const ink = ascii ? { tee: '|-', last: '`-' } : { tee: '├─', last: '└─' };
  return [
    name,
    ...steps.map(
      (step, index) =>
        `${index === steps.length - 1 ? ink.last : ink.tee} ${step.name}${step.target === undefined ? '' : `: ${step.kind === 'wait' ? 'wait for ' : ''}${step.target}`}`,
    ),
  ].join('\n');
}

export async function runPipeline(invocation: Invocation): Promise<number> {
  const { args, flags, out, signal } = invocation;
  const { fact, catalogue } = await find(invocation);
  const entry = catalogue.entries[fact.method];
  if (entry === undefined)
    throw refusal('not_found', `the contracts have no ${fact.method}`, { subject: fact.method, next: ['polyb docs build'] });
  const target = { catalogue, entry, typed: fact.method };
  const { input } = await fitInput(target, await bodyFrom(flags.text('data'), fact.method), args.slice(1));
  if (flags.on('dry-run')) {
    await out.result(input);
    out.note(`this is the input for ${fact.method}; nothing was started`, 'ok');
    return 0;
  }
  await allowReach(invocation, entry);
  await using line = lazyBus(invocation);
  const key = flags.text('idempotency-key') ?? newKey();
  const connected = await line.get();
  try {
    const started = (await connected.bus.request(callable(entry), input, {
      key,
      signal,
      timeoutMs: flags.on('wait') ? undefined : flags.ms('timeout'),
    })) as { readonly runId: string };
    out.note(`run ${started.runId}  key ${key}  (polyb runs watch ${started.runId})`, 'ok');
    if (!flags.on('wait')) {
      await out.result(started);
      return 0;
    }
    return await (await import('./journal/watch.ts')).follow(invocation, connected, started.runId);
  } catch (error) {
    throw isPolybError(error) ? explain(error, entry, key) : error;
  }
}
