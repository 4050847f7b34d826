import { setTimeout as delay } from 'node:timers/promises';
import { isPolybError, toPolybError } from '../../contracts/kit/errors.ts';
import type { Child } from './child.ts';
import { openLab, pauseLimitMs } from './lab.ts';
import { type Random, randomFrom } from './random.ts';
import type { FaultTest } from './test.ts';
import { work } from './work.ts';

const inFlight = 64;

interface Sending {
  readonly item: string;
  /** Another input under the key of this item. */
  readonly other: boolean;
}

export const t4: FaultTest = {
  id: 'T4',
  title: 'every delivery sent 1 to 5 times, out of order, across restarts; keys used again with another body',
  pauseLimitMs,
  async run(options) {
    const { seed, full, control, signal, log } = options;
    const random = randomFrom(seed);
    await using lab = await openLab(options);
    const crew = [await lab.startWorker(), await lab.startWorker()];
    const bus = await lab.client();
    const sendings = sendingsOf(random, full ? 1_000_000 : control ? 1_500 : 20_000);
    const answered = new Map<string, Set<string>>();
    const counts = { answered: 0, refused: 0, again: 0 };
    let at = 0;
    let fresh = 0;

    const send = async ({ item, other }: Sending): Promise<void> => {
      const body = other ? 'another body' : 'body';
      for (;;) {
        fresh += 1;
        const key = control ? `fresh ${fresh}` : item;
        try {
          const { body: kept } = await bus.call(work.deliver_looked_up, { item, body }, { key, signal });
          answered.set(item, (answered.get(item) ?? new Set()).add(kept));
          counts.answered += 1;
          return;
        } catch (thrown) {
          signal.throwIfAborted();
          if (isPolybError(thrown) && thrown.reason === 'key_reused') {
            counts.refused += 1;
            return;
          }
          const { code } = toPolybError(thrown);
          if (code === 'invalid_argument' || code === 'internal') throw thrown;
          counts.again += 1;
          await delay(100, undefined, { signal });
        }
      }
    };
    const lanes = Array.from({ length: inFlight }, async () => {
      for (let next = sendings[at++]; next !== undefined; next = sendings[at++]) await send(next);
    });
    const over = new AbortController();
    const restarts = restarting(crew, random, () => lab.startWorker(), AbortSignal.any([signal, over.signal]));
    await Promise.all(lanes);
    over.abort();
    const restarted = await restarts;
    log(`${sendings.length} deliveries sent over ${restarted} restarts`);

    const bodies = new Map<string, string[]>();
    for (const { item, body } of lab.effects()) bodies.set(item, [...(bodies.get(item) ?? []), body]);
    const items = new Set(sendings.map(({ item }) => item));
    const duplicated = [...bodies.values()].reduce((sum, { length }) => sum + length - 1, 0);
    const lost = [...items].filter((item) => !bodies.has(item)).length;
    /** An answer that speaks of another body than the one that was delivered. */
    const mixed = [...answered].filter(([item, told]) => told.size > 1 || !told.has(bodies.get(item)?.[0] ?? '')).length;
    const harm = duplicated + lost + mixed;
    return {
      ok: harm === 0 && counts.refused > 0 && restarted > 0,
      harm,
      deliveries: sendings.length,
      keys: items.size,
      ...counts,
      restarts: restarted,
      duplicated,
      lost,
      mixed,
    };
  },
};

/** Each item 1 to 5 times; in one of ten, some ask for something else under the same key. Repeats stand up to 500 places apart. */
function sendingsOf(random: Random, count: number): readonly Sending[] {
  const placed: { readonly sending: Sending; readonly place: number }[] = [];
  for (let nth = 0; placed.length < count; nth += 1) {
    const item = `item-${nth}`;
    const clashes = random.chance(0.1);
    for (let times = random.int(1, 5); times > 0 && placed.length < count; times -= 1)
      placed.push({ sending: { item, other: clashes && random.chance(0.4) }, place: placed.length + random.int(0, 500) });
  }
  return placed.sort((a, b) => a.place - b.place).map(({ sending }) => sending);
}

/** Replaces one worker every few seconds, by turns killed and asked to leave; answers how many. */
async function restarting(crew: Child[], random: Random, start: () => Promise<Child>, signal: AbortSignal): Promise<number> {
  let restarts = 0;
  try {
    for (;;) {
      await delay(random.int(1_500, 3_000), undefined, { signal });
      const place = random.int(0, crew.length - 1);
      crew[place]?.kill(restarts % 2 === 0 ? 'SIGKILL' : 'SIGTERM');
      crew[place] = await start();
      restarts += 1;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    return restarts;
  }
}
