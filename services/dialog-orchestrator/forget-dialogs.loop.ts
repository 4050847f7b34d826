import { every, type Loop, type Queries } from '../../bus/service.ts';
import { forgetBefore } from './rows/sessions.ts';

const dayMs = 86_400_000;

export function forgetDialogs(db: Queries, keepDays: number, now: () => number): Loop {
  return every('forget_dialogs', '47 3 * * *', () => forgetBefore(db, new Date(now() - keepDays * dayMs)));
}
