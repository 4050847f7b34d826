/** The states of a conversation as one table. Docs draw it; a move that it does not contain is refused. */
import type { State } from './rows/sessions.ts';

/** What moves a conversation. `idled`: it begins anew after a long silence, or after its end. */
export type StateEvent = 'replied' | 'services_shown' | 'slots_offered' | 'proposed' | 'confirmed' | 'declined' | 'failed' | 'idled';

export const moves: Readonly<Record<State, Partial<Readonly<Record<StateEvent, State>>>>> = {
  GREETING: {
    replied: 'COLLECTING_INFO',
    services_shown: 'CONSULTING',
    slots_offered: 'BOOKING',
    proposed: 'CONFIRMING',
    idled: 'GREETING',
  },
  COLLECTING_INFO: {
    replied: 'COLLECTING_INFO',
    services_shown: 'CONSULTING',
    slots_offered: 'BOOKING',
    proposed: 'CONFIRMING',
    idled: 'GREETING',
  },
  CONSULTING: { replied: 'CONSULTING', services_shown: 'CONSULTING', slots_offered: 'BOOKING', proposed: 'CONFIRMING', idled: 'GREETING' },
  BOOKING: { replied: 'BOOKING', services_shown: 'BOOKING', slots_offered: 'BOOKING', proposed: 'CONFIRMING', idled: 'GREETING' },
  CONFIRMING: {
    replied: 'CONFIRMING',
    services_shown: 'CONFIRMING',
    slots_offered: 'BOOKING',
    proposed: 'CONFIRMING',
    confirmed: 'COMPLETED',
    declined: 'BOOKING',
    failed: 'BOOKING',
    idled: 'GREETING',
  },
  COMPLETED: {
    replied: 'COMPLETED',
    services_shown: 'CONSULTING',
    slots_offered: 'BOOKING',
    proposed: 'CONFIRMING',
    // A late press on another open proposal, or the outcome of one that was unknown.
    confirmed: 'COMPLETED',
    failed: 'BOOKING',
    idled: 'GREETING',
  },
};

/** The next state, or null for a move that the table does not contain. */
export const moved = (from: State, event: StateEvent): State | null => moves[from][event] ?? null;

/** The table as a Mermaid state diagram. */
export function statesDiagram(): string {
  const arrows = Object.entries(moves).flatMap(([from, to]) =>
    [...Map.groupBy(Object.entries(to), ([, target]) => target)].map(
      ([target, events]) => `  ${from} --> ${target}: ${events.map(([event]) => event).join(', ')}`,
    ),
  );
  return ['stateDiagram-v2', '  [*] --> GREETING', ...arrows].join('\n');
}
