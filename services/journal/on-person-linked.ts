import type { JournalAdmin } from '../../adapters/store/journal-admin.ts';
import { type Consumer, on } from '../../bus/service.ts';
import { people } from '../../contracts/people.ts';

/** From then on the person, their user in a channel and their key count as one where two must approve. */
export function onPersonLinked(desk: Pick<JournalAdmin, 'link'>): Consumer {
  return on(people.person_linked, ({ kind, value, personId, isLinked }, tx) => desk.link(tx, { kind, value }, isLinked ? personId : null));
}
