/** Rows that this browser shows later. */
export const snoozeMs = 15 * 60_000;
const key = 'polyb.snoozed';

export interface Snoozes {
  has(id: string, now: number): boolean;
  add(id: string, until: number): void;
  remove(id: string): void;
}

export function createSnoozes(storage: Storage): Snoozes {
  const until = new Map<string, number>(read(storage));
  const keep = (): void => storage.setItem(key, JSON.stringify([...until].filter(([, time]) => time > Date.now())));
  return {
    has: (id, now) => (until.get(id) ?? 0) > now,
    add(id, time) {
      until.set(id, time);
      keep();
    },
    remove(id) {
      until.delete(id);
      keep();
    },
  };
}

function read(storage: Storage): readonly (readonly [string, number])[] {
  try {
    const stored: unknown = JSON.parse(storage.getItem(key) ?? '[]');
    return Array.isArray(stored)
      ? stored.filter((pair) => Array.isArray(pair) && typeof pair[0] === 'string' && typeof pair[1] === 'number')
      : [];
  } catch {
    return []; // Another program wrote it.
  }
}
