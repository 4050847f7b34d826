/** For tests: the orchestrator's handlers on a real database, with a telephony stub that records calls. */
import type { Call, Commit, Consumer, Context, Database, Guard, Handler, Log, Loop, StreamHandler, Verdict } from '../../bus/service.ts';
import { calls } from '../../contracts/calls.ts';
import { inbox } from '../../contracts/inbox.ts';
import { type Method, type OutputOf, type ParsedOf, type PayloadOf, settled } from '../../contracts/kit/define.ts';
import { uncounted } from '../../contracts/kit/metric.ts';
import { telephony } from '../../contracts/telephony.ts';
import orchestrator from './service.ts';
import { callSettings } from './settings.ts';

interface Store {
  readonly db: Database;
  readonly commit: Commit;
  readonly emitted: { readonly event: string; readonly payload: unknown }[];
  readonly sent: { readonly method: string; readonly input: unknown; readonly key: string }[];
}
export type Fixture = Awaited<ReturnType<typeof fixture>>;
const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };
const tables = ['calls', 'do_not_call', 'phone_owners'].map((name) => `call_orchestrator.${name}`).concat('journal.rows', 'journal.events');

export async function fixture(store: Store, settings: Record<string, string> = {}, { isSimulated = true } = {}) {
  for (const table of tables) await store.db.query(`delete from ${table}`);
  store.emitted.length = 0;
  store.sent.length = 0;
  const clock = { ms: Date.parse('2026-05-05T09:00:00Z') };
  const asked: { method: string; input: unknown }[] = [];
  const telephonyFails: { with?: Error } = {};
  const call = (async (method: Method, input: unknown) => {
    if (telephonyFails.with) throw telephonyFails.with;
    if (method === telephony.capabilities) return { isSimulated };
    asked.push({ method: method.address, input });
    return {};
  }) as Call;
  const now = () => clock.ms;
  // There is no speech in these tests, but the service needs a voice and a bus to start.
  const health = { of: () => ({ watch: <T>(work: () => Promise<T>) => work() }) };
  const bus = { commit: store.commit, call, health };
  const vendors = { tts: [{ provider: 'none' }], realtime: [] };
  const parts = { settings: callSettings.parse(settings), vendors, log: silent, bus, db: store.db, metrics: uncounted, now };
  const running = await orchestrator.make(parts as unknown as Parameters<typeof orchestrator.make>[0]); // Only the parts that the handlers read.
  const { on = [], loops = [], guards = [] } = running;
  const handlers = running.calls as unknown as Readonly<Record<string, Handler>>; // One handler per method, as in its contract.
  const ask = async <M extends Method>(method: M, input: ParsedOf<M>, key = ''): Promise<OutputOf<M>> => {
    const context = { key, commit: store.commit, call, signal: AbortSignal.timeout(60_000) } as unknown as Context; // The properties that these handlers read.
    const output = await (handlers[method.name] as Handler)(input, context);
    return method.output.parse(output) as OutputOf<M>;
  };
  const consume = (address: string, payload: unknown) =>
    store.commit((tx) => (on.find(({ consumes }) => consumes.address === address) as Consumer).handle(payload, tx));
  return {
    ...store,
    clock,
    asked,
    telephonyFails,
    ask,
    watch: (input: ParsedOf<typeof calls.watch_call>, signal: AbortSignal) =>
      (handlers.watch_call as unknown as StreamHandler<typeof calls.watch_call>)(input, (async function* () {})(), { signal } as Context), // What it reads.
    start: (key: string, more: Partial<ParsedOf<typeof calls.start_call>> = {}) =>
      ask(calls.start_call, { leadId: 'lead_1', phoneNumber: '+79995553322', ...more }, key),
    judge: (more: Partial<ParsedOf<typeof calls.start_call>> = {}): Promise<Verdict> =>
      store.commit((tx) => (guards[0] as Guard).check({ leadId: 'lead_1', phoneNumber: '+79995553322', ...more }, tx)),
    leg: (
      callId: string,
      state: PayloadOf<typeof telephony.leg_changed>['state'],
      more: Partial<PayloadOf<typeof telephony.leg_changed>> = {},
    ) =>
      consume(telephony.leg_changed.address, {
        ...{
          callId,
          legId: `leg_of_${callId}`,
          direction: 'out',
          from: null,
          to: null,
          state,
          outcome: null,
          hangUpCause: null,
          q850: null,
        },
        ...{ endedBy: null, recordingId: null, at: new Date(clock.ms).toISOString() },
        ...more,
      }),
    dialSettled: (payload: PayloadOf<ReturnType<typeof settled<typeof telephony.dial>>>) =>
      consume(settled(telephony.dial).address, payload),
    /** As the inbox reports it. @param at day of a month */
    inCharge: (customerId: string, phoneNumber: string | null, personIds: string[], at = 1) =>
      consume(inbox.phone_owners_changed.address, { customerId, phoneNumber, personIds, at: `2026-05-0${at}T09:00:00.000Z` }),
    turn: (name: string) => (loops.find((loop) => loop.name === name) as Loop).turn(AbortSignal.timeout(60_000)),
    told: (callId: string) =>
      store.emitted
        .filter(({ payload }) => (payload as { callId: string }).callId === callId)
        .map(({ event }) => event.slice('calls.'.length)),
  };
}
