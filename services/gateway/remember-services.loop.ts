import { type Loop, loop } from '../../bus/service.ts';
import type { Figures } from './figures.ts';

/** Each gateway knows what should be there from its start on. */
export function rememberServices(figures: Pick<Figures, 'remember'>): Loop {
  return loop('remember_services', { idleMs: 60_000 }, async () => {
    await figures.remember();
    return 'idle';
  });
}
