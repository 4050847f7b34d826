/** What waits for a person, counted by the owners of the tables. */
import type { z } from 'zod';
import type { Call } from '../../bus/service.ts';
import { calls } from '../../contracts/calls.ts';
import type { Viewer } from '../../contracts/common.ts';
import { inbox } from '../../contracts/inbox.ts';
import { journal } from '../../contracts/journal.ts';
import { type OutputOf, type PersonRole, personRoles } from '../../contracts/kit/define.ts';
import type { system } from '../../contracts/system.ts';
import type { Survey } from './survey.ts';

type Counter = OutputOf<typeof system.count_waiting>['items'][number];
type Counted = Omit<Counter, 'id'>;
interface Source {
  /** Its counters, and the roles that have them. */
  readonly counters: Readonly<Record<string, readonly PersonRole[]>>;
  read(
    parts: CounterParts,
    viewer: { readonly viewer?: NonNullable<z.output<typeof Viewer>> },
    ids: readonly string[],
  ): Promise<Readonly<Record<string, Counted>>>;
}
export interface CounterParts {
  readonly call: Call;
  readonly survey: Survey;
}
const staff = ['manager', 'director', 'admin'] as const;
const running = ['admin', 'operator'] as const;
const unread: Counted = { count: null, isMore: false, oldestAt: null };
const exactly = (count: number, oldestAt: string | null = null): Counted => ({ count, isMore: false, oldestAt });

const sources: readonly Source[] = [
  {
    // Views of the journal.
    counters: { approvals: staff, reviews: running, stuck: running, dead_letters: running },
    async read({ call }, viewer, ids) {
      const isOne = ids.length === 1 && ids[0] === 'approvals';
      const { views } = await call(journal.summary, { ...(isOne ? { view: 'approvals' } : {}), ...viewer });
      return Object.fromEntries(views.map(({ view, count, isMore, oldestAt }) => [view, { count, isMore, oldestAt }]));
    },
  },
  {
    counters: { chats_waiting: staff, chats_urgent: staff, chats_for_person: staff, chats_unassigned: staff, chats_mine: staff },
    async read({ call }, viewer) {
      const { waiting, urgent, forPerson, unassigned, mine, oldestAt } = await call(inbox.chat_totals, viewer);
      return {
        chats_waiting: exactly(waiting, oldestAt),
        ...{ chats_urgent: exactly(urgent), chats_for_person: exactly(forPerson), chats_unassigned: exactly(unassigned) },
        ...(mine === null ? {} : { chats_mine: exactly(mine) }),
      };
    },
  },
  {
    counters: { calls_now: staff, calls_attention: staff },
    async read({ call }, viewer) {
      const { answered, needAttention, oldestAt } = await call(calls.call_totals, viewer);
      return { calls_now: exactly(answered), calls_attention: exactly(needAttention, oldestAt) };
    },
  },
  {
    counters: { services_unwell: running, providers_unwell: running },
    async read({ survey }) {
      const services = await survey.services(false);
      return {
        services_unwell: exactly(services.filter(({ isReady }) => !isReady).length),
        providers_unwell: exactly(services.flatMap(({ dependencies }) => dependencies).filter(({ failure }) => failure !== null).length),
      };
    },
  },
];

/** Those of the viewer's role; an API key has all. A source that cannot be read leaves its counters without a number. */
export async function countWaiting(parts: CounterParts, viewer: z.output<typeof Viewer>): Promise<readonly Counter[]> {
  const roles: readonly PersonRole[] = viewer === undefined ? personRoles : [viewer.role];
  const counted = await Promise.all(
    sources.map(async ({ counters, read }) => {
      const ids = Object.keys(counters).filter((id) => counters[id]?.some((role) => roles.includes(role)));
      if (ids.length === 0) return [];
      try {
        const found = await read(parts, viewer === undefined ? {} : { viewer }, ids);
        return ids.flatMap((id) => (found[id] === undefined ? [] : [{ id, ...found[id] }]));
      } catch {
        return ids.map((id) => ({ id, ...unread })); // The reply says which numbers are missing.
      }
    }),
  );
  return counted.flat();
}
