/** For tests: the handlers of campaigns on a real database, with calls that the test ends. */
import type { Call, Commit, Consumer, Context, Database, Handler, Log, Loop } from '../../bus/service.ts';
import { calls } from '../../contracts/calls.ts';
import { campaigns } from '../../contracts/campaigns.ts';
import { inbox } from '../../contracts/inbox.ts';
import { type InputOf, type Method, type OutputOf, type PayloadOf, settled } from '../../contracts/kit/define.ts';
import { uncounted } from '../../contracts/kit/metric.ts';
import service from './service.ts';
import { campaignSettings } from './settings.ts';

interface Store {
  readonly db: Database;
  readonly commit: Commit;
  readonly emitted: { readonly event: string; readonly payload: unknown }[];
  readonly sent: { readonly method: string; readonly input: unknown; readonly key: string }[];
}
export type Fixture = Awaited<ReturnType<typeof fixture>>;
const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };
const tables = ['campaigns', 'do_not_call', 'list_reads', 'phone_owners']
  .map((name) => `campaigns.${name}`)
  .concat('journal.rows', 'journal.events');
type Ended = PayloadOf<typeof calls.call_ended>;
type Row = PayloadOf<ReturnType<typeof settled<typeof calls.start_call>>>;

/** Tuesday, 5 May 2026, 12:00 in Moscow. */
export const noon = '2026-05-05T09:00:00Z';

export async function fixture(store: Store, settings: Record<string, string> = {}) {
  for (const table of tables) await store.db.query(`delete from ${table}`);
  store.emitted.length = 0;
  store.sent.length = 0;
  const clock = { ms: Date.parse(noon) };
  const list: { phones: readonly string[]; fails?: Error } = { phones: [] };
  const call = (async (method: Method, _input: unknown) => {
    if (method !== calls.list_forbidden) throw new TypeError(`unexpected call of ${method.address}`);
    if (list.fails) throw list.fails;
    const since = '2026-01-01T00:00:00.000Z';
    return { items: list.phones.map((phoneNumber) => ({ phoneNumber, reason: 'asked', since })), nextCursor: null };
  }) as Call;
  const now = () => clock.ms;
  const bus = { commit: store.commit, call };
  const parts = { settings: campaignSettings.parse(settings), vendors: {}, log: silent, bus, db: store.db, metrics: uncounted, now };
  const running = await service.make(parts as unknown as Parameters<typeof service.make>[0]); // Only the parts that the handlers read.
  const { on = [], loops = [] } = running;
  const handlers = running.campaigns as unknown as Readonly<Record<string, Handler>>; // One handler per method, as in its contract.
  const ask = async <M extends Method>(method: M, input: InputOf<M>, key = ''): Promise<OutputOf<M>> => {
    const context = { key, caller: 'operator', commit: store.commit, call, signal: AbortSignal.timeout(60_000) } as unknown as Context; // The parts that these handlers read.
    const output = await (handlers[method.name] as Handler)(method.input.parse(input), context);
    return method.output.parse(output) as OutputOf<M>;
  };
  const consume = (address: string, payload: unknown) =>
    store.commit((tx) => (on.find(({ consumes }) => consumes.address === address) as Consumer).handle(payload, tx));
  /** Runs the loop until nothing more is due. */
  const dispatch = async (): Promise<void> => {
    const { turn } = loops.find(({ name }) => name === 'dispatch') as Loop;
    while ((await turn(AbortSignal.timeout(60_000))) === 'more');
  };
  const create = async (
    rules: InputOf<typeof campaigns.create_campaign>['rules'] = {},
    members: InputOf<typeof campaigns.add_members>['members'] = [],
  ): Promise<string> => {
    const usual = { inFlight: 100, perHour: 1000 };
    const { campaignId } = await ask(campaigns.create_campaign, { name: 'Весна', rules: { ...usual, ...rules } });
    if (members.length > 0) await ask(campaigns.add_members, { campaignId, members });
    return campaignId;
  };
  return {
    ...store,
    clock,
    list,
    ask,
    consume,
    dispatch,
    create,
    /** A running campaign whose first calls have been sent. */
    async started(...given: Parameters<typeof create>): Promise<string> {
      const campaignId = await create(...given);
      await ask(campaigns.start_campaign, { campaignId });
      await dispatch();
      return campaignId;
    },
    at(time: string): void {
      clock.ms = Date.parse(time);
    },
    /** Phones dialled so far, in order. */
    dialled: () => store.sent.map(({ input }) => (input as { phoneNumber: string }).phoneNumber),
    async member(campaignId: string, phoneNumber: string) {
      const { items } = await ask(campaigns.list_members, { campaignId, limit: 200 });
      return items.find((each) => each.phoneNumber === phoneNumber);
    },
    /** Ends the last call that was sent. */
    ended: (outcome: Ended['outcome'], more: Partial<Ended> = {}) =>
      consume(calls.call_ended.address, {
        ...{ callId: `call_${store.sent.length}`, leadId: 'lead_1', direction: 'out', at: new Date(clock.ms).toISOString() },
        ...{ outcome, answeredBy: null, key: store.sent.at(-1)?.key ?? null, endedBy: null, hangUpCause: null, recordingId: null },
        ...{ startedAt: new Date(clock.ms).toISOString(), durationMs: 0, ...more },
      }),
    /** Ends the last row that was sent. */
    settled: (state: Row['state'], more: Partial<Row> = {}) =>
      consume(settled(calls.start_call).address, { key: store.sent.at(-1)?.key ?? '', state, output: null, reason: null, ...more }),
    forbidden: (phoneNumber: string, isForbidden = true) =>
      consume(calls.do_not_call_changed.address, { changeId: 'c', phoneNumber, isForbidden, at: new Date(clock.ms).toISOString() }),
    inCharge: (customerId: string, phoneNumber: string | null, personIds: readonly string[]) =>
      consume(inbox.phone_owners_changed.address, { customerId, phoneNumber, personIds, at: '2026-05-05T09:00:00.000Z' }),
    rows: (key: string) =>
      store.db.query<{ state: string; approval: string }>(
        `select state, approval from journal.rows where method = 'calls.start_call' and key = $1`,
        [key],
      ),
  };
}
