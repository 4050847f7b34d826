import { every, type Loop, type Queries } from '../../bus/service.ts';
import { forget } from './rows.ts';

const dayMs = 86_400_000;

export function forgetDeliveries(db: Queries, keepDays: number, now: () => number): Loop {
  return every('forget_deliveries', '41 3 * * *', () =>
    forget(db, { deliveries: new Date(now() - keepDays * dayMs), statuses: new Date(now() - 2 * dayMs) }),
  );
}
