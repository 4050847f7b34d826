/** A storm: deliveries in three policies, while workers are killed and frozen at seeded moments and the provider goes wrong. */
import { setTimeout as delay } from 'node:timers/promises';
import type { BusHost } from '../../bus/bus.ts';
import { type PolybError, toPolybError } from '../../contracts/kit/errors.ts';
import type { Child } from './child.ts';
import { eventually } from './ground.ts';
import { freezeMs, type Lab, longFreezeMs, openLab } from './lab.ts';
import { Struck } from './provider.ts';
import { type Random, randomFrom } from './random.ts';
import type { RunOptions } from './test.ts';
import { deliver, type Policy, policies, work } from './work.ts';
import { AtGate } from './worker.ts';

const workers = 3;
const everyMs = 30;
const providerFaultShare = 0.15;
const quietMs = 60_000;

interface Intent {
  readonly item: string;
  readonly policy: Policy;
  /** `call` waits for its outcome and repeats; `send` is accepted and left to the journal. */
  readonly way: 'call' | 'send';
}
export interface StormCounts {
  readonly keys: number;
  readonly kills: number;
  readonly killsAfterSend: number;
  readonly killsBeforeSend: number;
  readonly freezes: number;
  readonly freezesBeforeSend: number;
  /** Freezes right before the first byte that outlast lease and settle time together. */
  readonly longFreezesBeforeSend: number;
  /** Effects beyond the first of their key. */
  readonly duplicated: number;
  /** Accepted keys without a row, or done without an effect. */
  readonly lost: number;
  /** Submissions that lost four holders in a row before they committed: a person sees each as a dead letter, and nothing of it took place. */
  readonly deadLetters: number;
  /** Rows, or callers, that came to no end. */
  readonly stuck: number;
  /** Rows that failed for good although the effect took place. */
  readonly denied: number;
  readonly done: number;
  readonly failed: number;
  readonly review: number;
}

/** @param naive serves the deliveries as functions, which simply run again */
export async function storm(
  { seed, full, signal, database, evidence, log }: RunOptions,
  { naive, kills, keys }: { readonly naive: boolean; readonly kills: number; readonly keys: number },
): Promise<StormCounts> {
  const random = randomFrom(seed);
  await using lab = await openLab({ seed, signal, database, evidence, faults: providerFaultShare, thinkMs: 60 });
  const bus = await lab.client();
  const crew = await crewOf(lab, naive);
  const over = new AbortController();
  const until = AbortSignal.any([signal, over.signal]);
  const load = loadOf(bus, randomFrom(seed + 1), keys, until);
  const struck = await strikes(lab, crew, random, kills, until);
  log(`${struck.kills} kills and ${struck.freezes} freezes struck`);
  lab.order({ faults: 0 });
  await load.stop();
  const atRest = async (): Promise<boolean> => load.open() === 0 && (await unfinished(lab)) === 0;
  await eventually(atRest, full ? 10 * quietMs : quietMs, signal);
  const stuck = load.open() + (await unfinished(lab));
  over.abort();
  await load.ended();
  const { wrong, ...counts } = await settledAs(lab, load.intents);
  if (!naive) for (const item of wrong.slice(0, 10)) log(await storyOf(lab, item));
  return { keys: load.intents.length, ...struck, ...counts, stuck };
}

async function unfinished({ store }: Lab): Promise<number> {
  const [counted] = await store.query<{ n: number }>(
    `select count(*)::int as n from journal.rows where method like 'fault_work.%' and state not in ('done', 'failed', 'review')`,
  );
  return counted?.n ?? 0;
}

/** Compares what the provider wrote down with what the journal says. */
async function settledAs(
  lab: Lab,
  intents: readonly Intent[],
): Promise<
  Pick<StormCounts, 'duplicated' | 'lost' | 'deadLetters' | 'denied' | 'done' | 'failed' | 'review'> & { readonly wrong: readonly string[] }
> {
  const effects = new Map<string, number>();
  for (const { item } of lab.effects()) effects.set(item, (effects.get(item) ?? 0) + 1);
  const rows = await lab.store.query<{ key: string; state: string }>(
    `select key, state from journal.rows where method like 'fault_work.deliver_%'`,
  );
  const states = new Map(rows.map(({ key, state }) => [key, state]));
  const gone = await lab.store.query<{ item: string }>(
    `select input->>'item' as item from journal.rows where method = 'fault_work.submit' and state = 'failed' and error->>'reason' = 'holder_gone'`,
  );
  const deadLetters = new Set(gone.map(({ item }) => item));
  const counts = { duplicated: 0, lost: 0, deadLetters: 0, denied: 0, done: 0, failed: 0, review: 0 };
  const wrong: string[] = [];
  for (const { item } of intents) {
    const times = effects.get(item) ?? 0;
    const state = states.get(item);
    counts.duplicated += Math.max(0, times - 1);
    if (state === 'done') counts.done += 1;
    if (state === 'failed') counts.failed += 1;
    if (state === 'review') counts.review += 1;
    const isDead = deadLetters.has(item);
    const isLost = (state === undefined && !isDead) || (state === 'done' && times === 0);
    const isDenied = (state === 'failed' || isDead) && times > 0;
    counts.deadLetters += isDead ? 1 : 0;
    counts.lost += isLost ? 1 : 0;
    counts.denied += isDenied ? 1 : 0;
    const isSeen = isDead || ['done', 'failed', 'review'].includes(state ?? '');
    if (times > 1 || isLost || isDenied || !isSeen) wrong.push(item);
  }
  return { ...counts, wrong };
}

/** Everything that is known of one item, for whoever must find out why it went wrong. */
async function storyOf(lab: Lab, item: string): Promise<string> {
  const rows = await lab.store.query('select * from journal.rows where key in ($1, $2)', [item, `submit ${item}`]);
  return JSON.stringify({ item, effects: lab.effects().filter((effect) => effect.item === item), rows });
}

/** Begins an intent every 30 ms until it is stopped, and at least `keys` of them; each is tried until it has come to its end. */
function loadOf(bus: BusHost, random: Random, keys: number, signal: AbortSignal) {
  const intents: Intent[] = [];
  const running: Promise<void>[] = [];
  let open = 0;
  let stopped = false;
  const finish = async (intent: Intent): Promise<void> => {
    try {
      while (!(await tried(bus, intent, signal))) await delay(300, undefined, { signal });
      open -= 1;
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  };
  const beginning = (async () => {
    while (!stopped || intents.length < keys) {
      const item = `item-${intents.length}`;
      const intent: Intent = { item, policy: random.pick(policies), way: random.chance(0.5) ? 'call' : 'send' };
      intents.push(intent);
      open += 1;
      running.push(finish(intent));
      await delay(everyMs, undefined, { signal });
    }
  })();
  return {
    intents,
    open: () => open,
    async stop() {
      stopped = true;
      await beginning;
    },
    async ended() {
      await Promise.all(running);
    },
  };
}
async function tried(bus: BusHost, { item, policy, way }: Intent, signal: AbortSignal): Promise<boolean> {
  const input = { item, body: `for ${item}` };
  try {
    if (way === 'call') await bus.call(deliver[policy], input, { key: item, signal });
    else await bus.call(work.submit, { ...input, policy }, { key: `submit ${item}`, signal });
    return true;
  } catch (thrown) {
    signal.throwIfAborted();
    return isFinal(toPolybError(thrown));
  }
}
/** A plain refusal by the provider, or a person's turn: an effect in doubt, or a dead letter. */
function isFinal({ code, reason, data }: PolybError): boolean {
  return (
    (code === 'failed_precondition' && reason === 'upstream_rejected') ||
    reason === 'holder_gone' ||
    (reason === 'pending' && (data as { state?: unknown } | undefined)?.state === 'review')
  );
}

interface Crew {
  /** Those that run now and are not frozen. */
  members(): readonly Child[];
  /** Freezes one and lets it go on after `ms`. */
  freeze(member: Child, ms: number): void;
  thawed(): Promise<void>;
}
/** Workers of which each that dies is replaced at once. */
async function crewOf(lab: Lab, naive: boolean): Promise<Crew & { heard(listen: (message: unknown, from: Child) => void): void }> {
  const members = new Set<Child>();
  const frozen = new Map<Child, Promise<void>>();
  const listeners = new Set<(message: unknown, from: Child) => void>();
  const join = async (): Promise<void> => {
    const one = await lab.startWorker({ off: naive ? ['effect'] : [] });
    members.add(one);
    one.onMessage((message) => {
      for (const heard of listeners) heard(message, one);
    });
    void one.exited.then(() => {
      members.delete(one);
      join().catch(() => {}); // the lab closes: it takes no more workers
    });
  };
  await Promise.all(Array.from({ length: workers }, join));
  return {
    members: () => [...members].filter((one) => !frozen.has(one)),
    heard: (listen) => void listeners.add(listen),
    freeze(member, ms) {
      member.kill('SIGSTOP');
      frozen.set(
        member,
        delay(ms).then(() => {
          member.kill('SIGCONT');
          frozen.delete(member);
        }),
      );
    },
    async thawed() {
      await Promise.all(frozen.values());
    },
  };
}

type Strike = 'kill' | 'kill_after_send' | 'kill_before_send' | 'freeze' | 'freeze_before_send' | 'long_freeze_before_send';
type StrikeCounts = Pick<
  StormCounts,
  'kills' | 'killsAfterSend' | 'killsBeforeSend' | 'freezes' | 'freezesBeforeSend' | 'longFreezesBeforeSend'
>;

/** Strikes one after the other, and answers when the last has struck: half of the kills at any moment, a quarter each right before the first byte leaves and right after it was accepted. */
async function strikes(
  lab: Lab,
  crew: Awaited<ReturnType<typeof crewOf>>,
  random: Random,
  kills: number,
  signal: AbortSignal,
): Promise<StrikeCounts> {
  const plan = random.shuffled<Strike>([
    ...Array.from(
      { length: kills },
      (_, nth): Strike => (['kill', 'kill_after_send', 'kill', 'kill_before_send'] as const)[nth % 4] ?? 'kill',
    ),
    ...Array.from(
      { length: Math.ceil(kills / 4) },
      (_, nth): Strike => (['freeze_before_send', 'freeze', 'long_freeze_before_send'] as const)[nth % 3] ?? 'freeze',
    ),
  ]);
  const counts = { kills: 0, killsAfterSend: 0, killsBeforeSend: 0, freezes: 0, freezesBeforeSend: 0, longFreezesBeforeSend: 0 };
  let told: () => void = () => {};
  lab.provider.onMessage((message) => {
    const struck = Struck.safeParse(message);
    if (!struck.success) return;
    crew
      .members()
      .find(({ pid }) => pid === struck.data.struck.pid)
      ?.kill('SIGKILL');
    told();
  });
  crew.heard((message, from) => {
    if (!AtGate.safeParse(message).success) return;
    if (expected === 'freeze_before_send') crew.freeze(from, freezeMs);
    if (expected === 'long_freeze_before_send') crew.freeze(from, longFreezeMs);
    told();
  });
  let expected: Strike = 'kill';

  const strike = async (kind: Strike): Promise<void> => {
    expected = kind;
    // Somebody must be left to take the work over.
    await eventually(() => crew.members().length > 1, 20_000, signal);
    const victim = random.pick(crew.members());
    const arrived = new Promise<void>((resolve) => {
      told = resolve;
    });
    switch (kind) {
      case 'kill':
        victim.kill('SIGKILL');
        break;
      case 'freeze':
        crew.freeze(victim, freezeMs);
        break;
      case 'kill_after_send':
        lab.order({ strike: true });
        await arrived;
        counts.killsAfterSend += 1;
        break;
      case 'kill_before_send':
        victim.send({ atGate: 'SIGKILL' });
        await arrived;
        counts.killsBeforeSend += 1;
        break;
      case 'freeze_before_send':
        victim.send({ atGate: 'SIGSTOP' });
        await arrived;
        counts.freezesBeforeSend += 1;
        break;
      case 'long_freeze_before_send':
        victim.send({ atGate: 'SIGSTOP' });
        await arrived;
        counts.longFreezesBeforeSend += 1;
        break;
    }
    if (kind.startsWith('kill')) counts.kills += 1;
    else counts.freezes += 1;
  };
  for (const kind of plan) {
    await delay(random.int(100, 700), undefined, { signal });
    await Promise.race([strike(kind), delay(10_000, undefined, { signal })]);
  }
  await crew.thawed();
  return counts;
}
