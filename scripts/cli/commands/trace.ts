/** `polyb trace`: asks the journal and every service what they know of one run or call, and draws it. */
import type { BusHost } from '../../../bus/bus.ts';
import type { CallRecord } from '../../../bus/telemetry/records.ts';
import { isPolybError } from '../../../contracts/kit/errors.ts';
import { callable, readCatalogue } from '../kernel/catalogue.ts';
import type { Invocation } from '../kernel/command.ts';
import { type Connected, connect } from '../kernel/connect.ts';
import { refusal, wrongUsage } from '../kernel/failure.ts';
import type { Output } from '../kernel/output.ts';
import { drawSequence, sequenceWidth, toMermaid } from './draw/sequence.ts';
import { drawTree } from './draw/tree.ts';
import { type RowFact, type Span, sequenceOf, spansOfRecords, spansOfRow, treeOf } from './spans.ts';

type Drawn = 'tree' | 'sequence' | 'mermaid' | 'json';

export async function trace(invocation: Invocation): Promise<number> {
  const { args, flags, out, signal } = invocation;
  const [id] = args;
  if (id === undefined) throw wrongUsage('expected the id of a run, a row or a trace', { subject: 'trace', next: ['polyb runs ls'] });
  if (id.length < 6) throw wrongUsage(`expected at least 6 characters of the id; got ${id.length}`, { subject: 'trace' });
  await using connected = await connect(invocation);
  const row = await findRow(connected.bus, id, signal);
  const traceId = row === undefined ? id : row.traceId;
  const records = traceId === null ? [] : await gatherRecords(connected, traceId, flags.ms('wait') ?? 500, signal);
  const calls = spansOfRecords(records);
  const spans = row === undefined ? calls : spansOfRow(row, calls, Date.now());
  if (spans.length === 0) {
    throw refusal('not_found', 'neither the journal nor a service has a record of it', {
      subject: id,
      next: ['polyb runs ls', 'polyb tail    shows calls as they happen'],
    });
  }
  return await show(spans, { id: row?.id ?? id, traceId }, flags.text('format') as Drawn | undefined, out);
}

/** After `polyb call --trace`. */
export async function drawTrace(connected: Connected, traceId: string, out: Output, signal: AbortSignal): Promise<void> {
  const spans = spansOfRecords([...connected.bus.records({ traceId }), ...(await gatherRecords(connected, traceId, 300, signal))]);
  if (spans.length === 0) return;
  const { roots, totalMs } = treeOf(spans, out.ascii);
  out.note(drawTree(roots, { width: out.width, ascii: out.ascii, totalMs }));
}

async function findRow(bus: BusHost, id: string, signal: AbortSignal): Promise<RowFact | undefined> {
  const get = (await readCatalogue()).entries['journal.get'];
  if (get === undefined) return undefined;
  try {
    return (await bus.request(callable(get), { id }, { signal, retry: false } as object)) as RowFact;
  } catch (error) {
    // Not a row, or no journal is running: the services' own memory may still tell.
    if (isPolybError(error) && (error.code === 'not_found' || error.reason === 'no_responders')) return undefined;
    throw error;
  }
}

async function gatherRecords(
  { bus, prefix }: Connected,
  traceId: string,
  waitMs: number,
  signal: AbortSignal,
): Promise<readonly CallRecord[]> {
  const pings = (await bus.gather('$SRV.PING', {}, { waitMs, quietMs: 100, signal })) as readonly { readonly name?: unknown }[];
  const services = [...new Set(pings.map((ping) => ping?.name).filter((name) => typeof name === 'string'))];
  const answers = await Promise.all(
    services.map((service) => bus.gather(`${prefix}.ctl.${service}`, { op: 'spans', traceId }, { waitMs, quietMs: 100, signal })),
  );
  return answers.flat().flatMap((answer) => ((answer as { records?: unknown } | null)?.records ?? []) as readonly CallRecord[]);
}

async function show(
  spans: readonly Span[],
  facts: { readonly id: string; readonly traceId: string | null },
  wanted: Drawn | undefined,
  out: Output,
): Promise<number> {
  const isForPeople = out.format === 'pretty' || out.format === 'table';
  if (wanted === 'json' || (wanted === undefined && !isForPeople)) {
    await out.result({ ...facts, spans });
    return 0;
  }
  const sequence = sequenceOf(spans, out.ascii);
  const fits = sequenceWidth(sequence) <= out.width;
  if (wanted === 'mermaid') out.print(toMermaid(sequence));
  else if (wanted === 'sequence' && fits) out.print(drawSequence(sequence, out));
  else {
    if (wanted === 'sequence')
      out.note(
        `a sequence of ${sequence.participants.length} needs ${sequenceWidth(sequence)} columns, and the terminal has ${out.width}: showing a tree instead`,
        'warn',
      );
    const { roots, totalMs } = treeOf(spans, out.ascii);
    out.print(drawTree(roots, { width: out.width, ascii: out.ascii, totalMs }));
  }
  return 0;
}
