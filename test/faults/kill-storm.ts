import { pauseLimitMs } from './lab.ts';
import { storm } from './storm.ts';
import type { FaultTest } from './test.ts';

export const t1: FaultTest = {
  id: 'T1',
  title: 'workers killed and frozen under keyed effects in three policies, the provider failing 15%',
  controlledBy: 'T3',
  pauseLimitMs,
  async run(options) {
    const size = options.full ? { kills: 1_000, keys: 100_000 } : { kills: 24, keys: 900 };
    const counts = await storm(options, { naive: false, ...size });
    const { duplicated, lost, stuck, denied, kills, killsAfterSend, longFreezesBeforeSend } = counts;
    const harm = duplicated + lost + stuck + denied;
    return { ok: harm === 0 && kills >= 20 && killsAfterSend >= 5 && longFreezesBeforeSend >= 1, harm, ...counts };
  },
};
