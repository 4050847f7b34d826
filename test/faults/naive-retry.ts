import { storm } from './storm.ts';
import type { FaultTest } from './test.ts';

/** What T1 protects from: the same storm, and every delivery simply runs again under its key. */
export const t3: FaultTest = {
  id: 'T3',
  title: 'naive retry in the same storm: at least 1% duplicates must be seen',
  isControl: true,
  async run(options) {
    const size = options.full ? { kills: 100, keys: 10_000 } : { kills: 12, keys: 450 };
    const counts = await storm(options, { naive: true, ...size });
    return { ok: counts.duplicated === 0, harm: counts.duplicated >= counts.keys / 100 ? counts.duplicated : 0, ...counts };
  },
};
