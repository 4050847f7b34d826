import { type Database, every, type Loop } from '../../bus/service.ts';
import { forgetKnown } from './rows/known.ts';

const keepMs = 90 * 86_400_000;

/** The last known state of a record is forgotten 90 days after it was of use. */
export function forgetRecords(db: Database, now: () => number): Loop {
  return every('forget_records', '37 2 * * *', () => forgetKnown(db, new Date(now() - keepMs)));
}
