/** Stores deliveries and returns once they are committed. Unreadable updates are kept raw, so that a bad one never blocks the others. */
import type { ChannelName, UpdateBatch } from '../../adapters/channel/port.ts';
import type { Commit, Log } from '../../bus/service.ts';
import { isPolybError } from '../../contracts/kit/errors.ts';
import { put } from './rows/put.ts';

export interface IntakeResult {
  readonly updates: number;
  /** Stored for the first time. */
  readonly messages: number;
}
export interface UpdateIntake {
  take(channel: ChannelName, delivery: UpdateBatch): Promise<IntakeResult>;
}
interface PendingDelivery {
  readonly channel: ChannelName;
  readonly delivery: UpdateBatch;
  resolve(taken: IntakeResult): void;
  reject(error: unknown): void;
}
/** Maximum deliveries per transaction. */
const batch = 100;

/** Deliveries that arrive during a commit share the next one, which makes many small webhooks cheap. */
export function intake({ commit, log }: { readonly commit: Commit; readonly log: Log }): UpdateIntake {
  const waiting: PendingDelivery[] = [];
  const noted = new Set<string>();
  /** Logged once per kind; the metric counts them. */
  const noteUnread = (channel: ChannelName, { botId, updates }: UpdateBatch): void => {
    for (const { externalId, parts } of updates)
      for (const part of parts) {
        if (part.is !== 'unread' || noted.size >= 1000 || noted.has(`${channel} ${part.type}`)) continue;
        noted.add(`${channel} ${part.type}`);
        log.warn(
          { channel, botId, update: externalId, type: part.type },
          'updates of this kind are not supported; they are kept raw and counted',
        );
      }
  };
  let busy = false;
  const work = async (): Promise<void> => {
    busy = true;
    while (waiting.length > 0) {
      const [first] = waiting;
      const same = (one: PendingDelivery) => one.channel === first?.channel && one.delivery.botId === first.delivery.botId;
      const group = waiting.filter(same).slice(0, batch);
      for (const one of group) waiting.splice(waiting.indexOf(one), 1);
      await settle(group);
    }
    busy = false;
  };
  const settle = async (group: readonly PendingDelivery[]): Promise<void> => {
    const [{ channel, delivery } = {}] = group;
    if (channel === undefined || delivery === undefined) return;
    try {
      const updates = group.flatMap((one) => one.delivery.updates);
      const messages = await storeAll(commit, log, channel, { botId: delivery.botId, updates });
      noteUnread(channel, { botId: delivery.botId, updates });
      let at = 0;
      for (const one of group) {
        const own = messages.slice(at, at + one.delivery.updates.length);
        at += own.length;
        one.resolve({ updates: own.length, messages: own.reduce((sum, each) => sum + each, 0) });
      }
    } catch (error) {
      for (const one of group) one.reject(error);
    }
  };
  return {
    take: (channel, delivery) =>
      new Promise((resolve, reject) => {
        waiting.push({ channel, delivery, resolve, reject });
        if (!busy) void work(); // Rejects the failing delivery, never itself.
      }),
  };
}

/** All in one transaction; if one cannot be stored, each in its own, and the failing one raw. */
async function storeAll(commit: Commit, log: Log, channel: ChannelName, delivery: UpdateBatch): Promise<readonly number[]> {
  try {
    return await commit((tx) => put(tx, channel, delivery));
  } catch (error) {
    if (!isTheirFault(error)) throw error;
    const [only, ...others] = delivery.updates;
    if (only === undefined) throw error;
    if (others.length === 0) {
      log.error(
        { err: error, channel, botId: delivery.botId, update: only.externalId },
        'an update could not be stored as a message; it is kept raw and can be replayed',
      );
      return commit((tx) => put(tx, channel, { ...delivery, updates: [{ ...only, parts: [] }] }));
    }
    const counts: number[] = [];
    for (const update of delivery.updates) counts.push(...(await storeAll(commit, log, channel, { ...delivery, updates: [update] })));
    return counts;
  }
}

/**
 * True when the update itself is at fault: a value that PostgreSQL (SQLSTATE 22, 23, 54) or this code cannot process. A repeat would
 * fail again.
 */
function isTheirFault(error: unknown): boolean {
  if (isPolybError(error)) return error.code === 'internal';
  const { code, name } = (Error.isError(error) ? error : {}) as { code?: unknown; name?: string };
  return (typeof code === 'string' && /^(22|23|54)/.test(code)) || name === 'TypeError' || name === 'RangeError';
}
