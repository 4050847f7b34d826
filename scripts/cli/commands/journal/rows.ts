/** `ls` and `show` of runs, approvals, reviews and dead letters: filters over one journal. */
import type { Invocation, Run } from '../../kernel/command.ts';
import { wrongUsage } from '../../kernel/failure.ts';
import { durationMs } from '../../kernel/flags.ts';
import type { Output } from '../../kernel/output.ts';
import { drawTable, spanMs, type Table, visible } from '../../kernel/text.ts';
import { isSkipped } from '../spans.ts';
import { idOf, type Page, type Row, type RowHead, withJournal } from './ask.ts';

type View = 'runs' | 'approvals' | 'reviews' | 'dead_letters';

export const listRuns = lister('runs', 'polyb runs show');
export const listApprovals = lister('approvals', 'polyb approvals show');
export const listReviews = lister('reviews', 'polyb reviews show');
export const listDeadLetters = lister('dead_letters', 'polyb dlq show');

function lister(view: View, next: string): Run {
  return async (invocation) => {
    const { out } = invocation;
    const page = await withJournal(invocation, (ask) => ask<Page>('list', { view, ...filters(invocation) }));
    await out.result(page, { table: () => tableOf(page.items, view, out), items: page.items });
    out.note(page.items.length === 0 ? 'none' : `${page.items.length} ${page.items.length === 1 ? 'row' : 'rows'}   ${next} ID`);
    if (page.nextCursor !== null) out.note(`next page: --cursor ${page.nextCursor}`);
    return 0;
  };
}

/** The filters that the flags give, as `journal.list` takes them. */
export function filters({ flags, path }: Pick<Invocation, 'flags' | 'path'>): object {
  const [state, method, reason, cursor, limit] = [
    flags.text('state'),
    flags.text('method'),
    flags.text('reason'),
    flags.text('cursor'),
    flags.whole('limit'),
  ];
  const since = flags.text('since');
  return {
    ...(state && { state }),
    ...(method && { method }),
    ...(reason && { reason }),
    ...(cursor && { cursor }),
    ...(limit && { limit }),
    ...(since && { since: timeOf(since, path) }),
  };
}
function timeOf(text: string, subject: string): string {
  const ago = durationMs(text);
  const at = ago === undefined ? Date.parse(text) : Date.now() - ago;
  if (Number.isNaN(at))
    throw wrongUsage(`--since: expected a length of time or a time, e.g. 10m, 2026-01-31T10:00:00Z; got "${text}"`, { subject });
  return new Date(at).toISOString();
}

/** Of what holds up others, how many; of what waits for approval, for whom it would wait after it. */
const laneColumn = { reviews: 'BEHIND', approvals: 'WAITS FOR', runs: null, dead_letters: null } as const;
function tableOf(rows: readonly RowHead[], view: View, out: Output): Table {
  const lane = laneColumn[view];
  return {
    columns: ['ID', 'AGE', 'METHOD', 'STATE', 'TRIES', ...(lane === null ? [] : [lane]), 'REASON', 'LAST ERROR'],
    rows: rows.map((row) => [
      row.id,
      out.time(row.createdAt),
      row.step === null ? row.method : `${row.step}: ${row.method}`,
      row.state,
      String(row.attempts),
      ...(lane === null ? [] : [lane === 'BEHIND' ? String(row.behind) : (row.waitsFor ?? '')]),
      row.reason ?? '',
      row.error ?? '',
    ]),
    right: ['TRIES', 'BEHIND'],
  };
}

export const showRun = shower();
export const showDeadLetter = shower((row) => (row.state === 'failed' ? [`polyb dlq replay ${row.id}`, `polyb dlq drop ${row.id}`] : []));
export const showApproval = shower((row) =>
  row.state === 'proposed'
    ? [`polyb approvals approve ${row.id}`, `polyb approvals edit ${row.id} …`, `polyb approvals reject ${row.id} --why …`]
    : [],
);

function shower(next: (row: Row) => readonly string[] = () => []): Run {
  return async (invocation) => {
    const { flags, out } = invocation;
    const row = await withJournal(invocation, (ask) =>
      ask<Row>('get', { id: idOf(invocation), ...(flags.on('reveal') && { reveal: true }) }),
    );
    await out.result(row, { text: () => drawRow(row, out) });
    for (const line of next(row)) out.note(`  ${line}`);
    return 0;
  };
}

/** A row for people: what it is, what is known, its steps, its attempts. */
export function drawRow(row: Row, out: Pick<Output, 'paint' | 'time'>): string {
  const facts: readonly (readonly [string, string | null])[] = [
    ['method', row.method],
    ['state', row.reason === null ? row.state : `${row.state} (${row.reason})`],
    ['key', row.key],
    ['created', `${out.time(row.createdAt)}${row.caller === null ? '' : ` by ${row.caller}`}`],
    ['changed', out.time(row.updatedAt)],
    ['not before', row.notBefore === null ? null : out.time(row.notBefore)],
    ['settles at', row.settleAt === null ? null : out.time(row.settleAt)],
    ['run', row.runId],
    ['trace', row.traceId],
    ['hash', row.approval === 'none' ? null : row.hash],
    ['approved', row.approvedBy.length === 0 ? null : `${row.approvedBy.join(', ')} (${row.approvedBy.length} of ${row.approvers})`],
    ['held by', row.heldBy],
    ['waits for', row.waitsFor === null ? null : `${row.waitsFor}, whose outcome is unknown: polyb reviews show ${row.waitsFor}`],
    ['behind it', row.behind === 0 ? null : `${row.behind} rows of its lane wait until its outcome is known`],
    ['error', row.error],
    ['input', visible(JSON.stringify(row.input))],
    ['output', row.output === null ? null : visible(JSON.stringify(row.output))],
  ];
  const shown = facts.filter(([, value]) => value !== null);
  const section = (title: string, lines: readonly string[]) =>
    lines.length === 0 ? [] : [`${out.paint('bold', title)}\n${lines.map((line) => `  ${line}`).join('\n')}`];
  return [
    `${out.paint('bold', row.id)}\n${shown.map(([name, value]) => `  ${name.padEnd(11)}${value}`).join('\n')}`,
    ...section('STEPS', stepLines(row, out)),
    ...section(
      'ATTEMPTS',
      row.log.map(
        (one) =>
          `${out.time(one.at)}  ${one.by}  ${one.reason ?? one.code}${one.ms === null ? '' : `  ${spanMs(one.ms)}`}${one.message === null ? '' : `  ${one.message}`}`,
      ),
    ),
    ...section(
      'AUDIT',
      row.audit.map(({ at, who, did, why }) => `${out.time(at)}  ${who} ${did}${why === null ? '' : `: ${why}`}`),
    ),
  ].join('\n\n');
}

export function stepLines(row: Row, out: Pick<Output, 'time'>): readonly string[] {
  if (row.steps.length === 0) return [];
  const cells = row.steps.map((step) => {
    const ms = step.startedAt === null || step.endedAt === null ? '' : spanMs(Date.parse(step.endedAt) - Date.parse(step.startedAt));
    return [
      step.step ?? '',
      step.method.replace(/^@/, 'wait for '),
      isSkipped(step) ? 'skipped' : step.state,
      String(step.attempts),
      ms,
      step.startedAt === null ? '' : out.time(step.startedAt),
      step.error ?? step.reason ?? '',
    ];
  });
  return drawTable({ columns: ['STEP', 'METHOD', 'STATE', 'TRIES', 'TOOK', 'BEGAN', 'WHY'], rows: cells, right: ['TRIES', 'TOOK'] }).split(
    '\n',
  );
}
