import { type Loop, loop } from '../../bus/service.ts';

/** Stores when keys were last used. */
export function noteKeyUses(note: () => Promise<void>): Loop {
  return loop('note_key_uses', { idleMs: 30_000 }, async () => {
    await note();
    return 'idle';
  });
}
