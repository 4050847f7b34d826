/** The journal as a service: masked rows for people, and their decisions. */
import { z } from 'zod';
import type { Deed, Desk, DeskRow } from '../../adapters/store/journal-admin.ts';
import { hashOf } from '../../bus/durable/identity.ts';
import type { Context, Handler, HandlersOf, StreamHandler } from '../../bus/service.ts';
import { actorOf } from '../../contracts/common.ts';
import { effectOf, type journal } from '../../contracts/journal.ts';
import { Settled } from '../../contracts/kit/define.ts';
import { mask } from '../../contracts/kit/describe.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import type { Counting } from '../../contracts/kit/metric.ts';
import { scrub } from '../../contracts/kit/scrub.ts';
import { approvalDecision, runsTotal } from '../../contracts/metrics.ts';
import { editedInput } from './edited-input.ts';
import { isSamePerson } from './persons.ts';

type Contract = typeof journal;
type FullRow = z.output<Contract['get']['output']>;
type ListItem = z.output<Contract['list']['output']>['items'][number];
type Head = Omit<ListItem, 'hash' | 'input'>;
type Schemas = ReadonlyMap<string, { readonly input: object; readonly output: object }>;
const ended: ReadonlySet<string> = new Set(Settled.options);
/** Polling interval of a watched row. */
const watchMs = 250;

export function journalHandlers(desk: Desk, metrics: Counting, now: () => number): HandlersOf<Contract> {
  const found = async (id: string): Promise<DeskRow> => {
    const [row, other] = await desk.find(id);
    const asked = scrub(id).slice(0, 40);
    if (row === undefined)
      throw new PolybError('not_found', `No row of the journal has the id, key or trace ${asked}; polyb runs ls lists the newest.`);
    if (other !== undefined)
      throw new PolybError('invalid_argument', `The ids of several rows begin with ${asked}; give more characters.`, {
        reason: 'ambiguous',
      });
    return row;
  };
  const schemasOf = async (rows: readonly DeskRow[]): Promise<Schemas> =>
    new Map((await desk.schemas([...new Set(rows.map(({ method }) => method))])).map((of) => [of.method, of]));
  /** Nothing for an unknown schema: which of its data is personal is unknown too. */
  const masked = (schemas: Schemas, of: DeskRow, side: 'input' | 'output'): unknown => {
    const schema = schemas.get(of.method)?.[side];
    return schema === undefined || of[side] === null ? null : mask(schema, of[side]);
  };
  const whole = async (row: DeskRow, reveal = false): Promise<FullRow> => {
    const steps = row.mode === 'run' ? await desk.steps(row.id) : [];
    const schemas = await schemasOf([row, ...steps]);
    const shown = (of: DeskRow, side: 'input' | 'output'): unknown => (reveal ? of[side] : masked(schemas, of, side));
    return {
      ...head(row),
      ...(reveal && { key: row.key }),
      hash: row.hash,
      input: shown(row, 'input'),
      output: shown(row, 'output'),
      caller: row.caller,
      lane: row.lane === null || reveal ? row.lane : `${row.lane.split(':')[0]}:***`,
      traceId: row.traceparent?.slice(3, 35) ?? null,
      approval: row.approval as FullRow['approval'],
      approvers: row.approvers,
      approvedBy: [...row.approved_by],
      notAfter: row.not_after?.toISOString() ?? null,
      settleAt: row.state === 'unknown' ? (row.settle_at?.toISOString() ?? null) : null,
      onUnknown: row.on_unknown as FullRow['onUnknown'],
      log: row.log as unknown as FullRow['log'],
      audit: (row.audit as unknown as FullRow['audit']).map((deed) => ({ ...deed, why: deed.why === null ? null : scrub(deed.why) })),
      steps: steps.map((step) => ({
        ...head(step),
        input: shown(step, 'input'),
        output: shown(step, 'output'),
        startedAt: step.started_at?.toISOString() ?? null,
        endedAt: step.ended_at?.toISOString() ?? null,
        edition: step.edition,
      })),
    };
  };
  const fresh = async (id: string): Promise<FullRow> => whole(await found(id));
  const by = ({ caller }: Context, did: string, why?: string, onBehalfOf?: string): { who: string; did: string; why?: string } => ({
    who: actorOf(caller, onBehalfOf),
    did,
    ...(why === undefined ? {} : { why }),
  });

  /** A change that names the expected state; if it fails, the error is derived from the current row. */
  const decided = async (
    id: string,
    change: (row: DeskRow) => Promise<boolean>,
    expected: string,
    { hash, who }: { readonly hash?: string | undefined; readonly who?: string } = {},
  ): Promise<FullRow> => {
    const row = await found(id);
    if (await change(row)) return fresh(row.id);
    const is = await found(row.id);
    const holder = heldBy(is);
    if (holder !== null && holder !== who)
      throw new PolybError('conflict', `${is.id} is held by ${holder} until ${is.viewer_until?.toISOString()}.`, {
        reason: 'held',
      });
    if (hash !== undefined && is.state === 'proposed' && is.hash !== hash)
      throw new PolybError('failed_precondition', `${is.id} has been edited; read it again: polyb approvals show ${is.id}`, {
        reason: 'hash_mismatch',
      });
    if (is.state === 'proposed' && who !== undefined && is.approved_by.some((by) => isSamePerson(by, who)))
      throw new PolybError('conflict', `${who}, or another key of the same person, has already approved ${is.id}; another person must.`, {
        reason: 'same_person',
      });
    const wasDecided = expected === 'proposed' && is.state !== 'proposed';
    const why = is.state === 'stale' && is.error?.detail ? `: ${is.error.detail}` : `; expected ${expected}.`;
    throw new PolybError(wasDecided ? 'conflict' : 'failed_precondition', `${is.id} is ${is.state}${why}`, {
      reason: !wasDecided ? 'wrong_state' : is.state === 'stale' ? 'stale' : 'decided',
      data: { rowId: is.id, state: is.state },
    });
  };
  /** The approvals are compared with those that were read, so that a concurrent one causes another look. */
  const approved = async (row: DeskRow, hash: string | null, deed: Deed): Promise<boolean> => {
    if (row.approved_by.some((by) => isSamePerson(by, deed.who))) return false;
    if (await desk.approve(row.id, hash, deed, row.approved_by)) return true;
    const [is] = await desk.find(row.id);
    return is !== undefined && is.state === 'proposed' && is.approved_by.length > row.approved_by.length ? approved(is, hash, deed) : false;
  };
  /** Counts a decision that ends the wait; the first of two approvals does not. */
  const timed = async (decision: 'approved' | 'rejected', deciding: Promise<FullRow>): Promise<FullRow> => {
    const row = await deciding;
    if (row.state !== 'proposed') metrics.observe(approvalDecision, { decision }, Math.max(0, now() - Date.parse(row.createdAt)) / 1000);
    return row;
  };
  /** Validates a value by the JSON Schema that the serving service published. */
  const fitting = async (method: string, side: 'input' | 'output', value: unknown): Promise<unknown> => {
    const [schemas] = await desk.schemas([method]);
    if (schemas === undefined) return value;
    const checked = z.fromJSONSchema(schemas[side] as never).safeParse(value);
    if (checked.success) return checked.data;
    const [issue] = checked.error.issues;
    throw new PolybError('invalid_argument', `The ${side} does not fit ${method}: ${issue?.path.join('.') || side}: ${issue?.message}`);
  };

  const retry: Handler<Contract['retry']> = async ({ id, from, input, why }, context) => {
    const row = await found(id);
    if (from === undefined && input === undefined)
      return decided(
        id,
        () => desk.retry(row.id, by(context, 'retried', why)),
        'failed, expired or cancelled, and not a call that its caller may repeat',
      );
    if (row.mode !== 'run' || from === undefined)
      throw new PolybError('invalid_argument', 'Only a run can be retried from a step: give from, and the edited input.');
    const step = (await desk.steps(row.id)).findLast((each) => each.step === from);
    if (step === undefined) throw new PolybError('not_found', `${row.id} has not reached a step ${from}.`);
    if (input === undefined) {
      if (step.state === 'done')
        throw new PolybError('failed_precondition', `The step ${from} is done; give an edited input to repeat it.`, {
          reason: 'wrong_state',
        });
      return decided(id, () => desk.retry(row.id, by(context, 'retried', why)), 'failed, expired or cancelled');
    }
    const refused = await desk.retryFrom(
      row.id,
      from,
      await fitting(step.method, 'input', input),
      by(context, `retried from ${from}`, why),
    );
    if (refused === 'outcome_unknown')
      throw new PolybError('failed_precondition', `The outcome of ${from}, or of a later step, is unknown; resolve it first.`, {
        reason: 'outcome_unknown',
      });
    if (refused !== null)
      throw new PolybError('failed_precondition', `${row.id} is ${row.state} and cannot continue from ${from}.`, { reason: 'wrong_state' });
    return fresh(row.id);
  };

  const watch: StreamHandler<Contract['watch']> = async function* ({ id }, _up, { signal }) {
    let last = '';
    for (;;) {
      const row = await fresh(id);
      const told = JSON.stringify([row.state, row.updatedAt, row.steps.map((step) => [step.id, step.state])]);
      if (told !== last) yield row;
      last = told;
      if (ended.has(row.state) || signal.aborted) return;
      await new Promise<void>((resolve) => {
        const over = (): void => {
          clearTimeout(timer);
          signal.removeEventListener('abort', over);
          resolve();
        };
        const timer = setTimeout(over, watchMs);
        signal.addEventListener('abort', over);
      });
    }
  };

  return {
    list: async ({ cursor, show, ...asked }) => {
      const before = cursor === undefined ? undefined : placeOf(cursor);
      const rows = await desk.list({ ...asked, before, limit: asked.limit + 1 });
      const page = rows.slice(0, asked.limit);
      const schemas = show === 'heads' ? null : await schemasOf(page);
      const listed = (row: DeskRow): ListItem => {
        if (schemas === null) return head(row);
        const isOpen = show === 'revealed' && (row.state === 'proposed' || (row.state === 'review' && row.approval !== 'none'));
        return { ...head(row), hash: row.hash, input: isOpen ? row.input : masked(schemas, row, 'input') };
      };
      return {
        items: page.map(listed),
        nextCursor: rows.length > asked.limit ? Buffer.from(page.at(-1)?.place ?? '').toString('base64url') : null,
      };
    },
    get: async ({ id, reveal }, context) => {
      const row = await found(id);
      if (reveal) await desk.note(row.id, by(context, 'revealed'));
      return whole(reveal ? await found(row.id) : row, reveal);
    },
    hold: ({ id, forMs, onBehalfOf }, context) => {
      const deed = by(context, 'held', undefined, onBehalfOf);
      return decided(id, (row) => desk.hold(row.id, forMs, deed), 'proposed', deed);
    },
    release: ({ id, onBehalfOf }, context) => {
      const deed = by(context, 'released', undefined, onBehalfOf);
      return decided(id, (row) => desk.release(row.id, deed), 'proposed', deed);
    },
    approve: ({ id, hash, why, onBehalfOf }, context) => {
      const deed = by(context, hash === undefined ? 'approved its current version' : 'approved', why, onBehalfOf);
      return timed(
        'approved',
        decided(id, (row) => approved(row, hash ?? null, deed), 'proposed', { hash, ...deed }),
      );
    },
    reject: ({ id, why, onBehalfOf }, context) => {
      const deed = by(context, 'rejected', why, onBehalfOf);
      return timed(
        'rejected',
        decided(id, (row) => desk.reject(row.id, deed), 'proposed', deed),
      );
    },
    recall: ({ id, why, onBehalfOf }, context) =>
      decided(id, (row) => desk.recall(row.id, by(context, 'recalled', why, onBehalfOf)), 'approved and not yet begun'),
    edit: ({ id, hash, input, onBehalfOf }, context) => {
      const deed = by(context, 'edited', undefined, onBehalfOf);
      const change = async (row: DeskRow): Promise<boolean> => {
        const [schemas] = await desk.schemas([row.method]);
        const { editable = [] } = (schemas?.input ?? {}) as { readonly editable?: readonly string[] };
        const edited = await fitting(row.method, 'input', editedInput(row, editable, input));
        return desk.edit(row.id, hash, edited, hashOf({ unhashed: [] }, edited), deed);
      };
      return decided(id, change, 'proposed', { hash, who: deed.who });
    },
    retry,
    cancel: async ({ id, why }, context) => {
      const row = await decided(
        id,
        (row) => desk.cancel(row.id, by(context, 'cancelled', why)),
        'not begun, a run, or a function that lost its holder',
      );
      if (row.mode === 'run') metrics.count(runsTotal, { pipeline: row.method, outcome: 'cancelled' });
      return row;
    },
    resolve: async ({ id, answer, output, attempts, why, onBehalfOf }, context) => {
      let freed = 0;
      const change = async (row: DeskRow): Promise<boolean> => {
        freed = row.behind;
        const result = answer === 'happened' ? await fitting(row.method, 'output', output ?? {}) : undefined;
        return desk.resolve(row.id, answer, result, by(context, `resolved: ${answer}`, why, onBehalfOf), attempts ?? null);
      };
      const row = await decided(id, change, `in review or unknown${attempts === undefined ? '' : ` after attempt ${attempts}`}`);
      return { ...row, effect: effectOf[answer], freed };
    },
    drop: ({ id, why }, context) => decided(id, (row) => desk.drop(row.id, by(context, 'dropped', why)), 'a dead letter'),
    claim: async ({ ref }) => ({ won: await desk.claim(ref) }),
    watch,
    pause: async ({ method, why }, context) => {
      await desk.pause(method, by(context, 'paused', why));
      return { paused: [...(await desk.pauses())] };
    },
    resume: async ({ method }) => {
      await desk.resume(method);
      return { paused: [...(await desk.pauses())] };
    },
    list_loops: async () => ({
      loops: (await desk.loops()).map((loop) => ({
        service: loop.service,
        name: loop.name,
        schedule: loop.schedule,
        lastRunAt: loop.last_run_at?.toISOString() ?? null,
        lastError: loop.last_error,
        nextRunAt: loop.next_run_at?.toISOString() ?? null,
        heldBy: loop.held_by,
      })),
    }),
    run_loop: async ({ service, name }) => {
      if (await desk.requestLoop(service, name)) return { requested: true };
      throw new PolybError('not_found', `There is no loop ${name} in ${service}; polyb loops ls lists them.`);
    },
  };

  function heldBy({ state, viewer, viewer_until }: DeskRow): string | null {
    return state === 'proposed' && viewer_until !== null && viewer_until.getTime() > now() ? viewer : null;
  }
  function placeOf(cursor: string): string {
    const place = Buffer.from(cursor, 'base64url').toString();
    if (!/^\d{1,18}\.\d{1,18}$/.test(place)) throw new PolybError('invalid_argument', 'Bad cursor; start without one.');
    return place;
  }
  function head(row: DeskRow): Head {
    return {
      id: row.id,
      method: row.method,
      key: scrub(row.key),
      mode: row.mode as Head['mode'],
      state: row.state as Head['state'],
      step: row.step,
      runId: row.mode === 'run' ? row.id : row.parent,
      attempts: row.attempts,
      reason: row.error?.reason ?? row.error?.code ?? null,
      error: scrub(row.error?.detail?.slice(0, 2000) ?? '') || null,
      heldBy: heldBy(row),
      waitsFor: row.waits_for,
      behind: row.behind,
      notBefore:
        row.state === 'queued' || row.state === 'waiting' ? (row.not_before.getTime() > now() ? row.not_before.toISOString() : null) : null,
      createdAt: row.created_at.toISOString(),
      updatedAt: row.updated_at.toISOString(),
    };
  }
}
