/** What waits for the person, counted by the server and pushed when it changes: pages and the title of the window read nothing. */
import { computed, type ReadonlySignal, signal } from '@preact/signals';
import type { OutputOf } from '../../contracts/kit/define.ts';
import type { system } from '../../contracts/system.ts';
import type { Api } from './api.ts';
import type { Live, LiveItem } from './live.ts';
import { createResource, type Resource } from './resource.ts';

export type Counter = Omit<OutputOf<typeof system.count_waiting>['items'][number], 'id'>;
/** By id; a role has some of them. */
export type CounterMap = ReadonlyMap<string, Counter>;
export interface Counters extends Pick<Resource<CounterMap>, 'shown' | 'read'> {
  /** Undefined until the number is there, and while it cannot be counted. */
  count(id: string): number | undefined;
  /** Follows the numbers of the person who is logged in. Ends with the returned function. */
  start(): () => void;
}

export function createCounters(api: Api, live: Pick<Live, 'on'>): Counters {
  /** Newer than what was read. */
  const pushed = signal<CounterMap>(new Map());
  const first = createResource(async (reading): Promise<CounterMap> => {
    const { items } = await api.call<typeof system.count_waiting>('GET /api/v1/counters', {}, { signal: reading });
    return new Map(items.map(({ id, ...counter }) => [id, counter]));
  });
  const shown: ReadonlySignal<Resource<CounterMap>['shown']['value']> = computed(() => {
    const { value } = first.shown;
    return value.kind === 'ready' ? { kind: 'ready', value: new Map([...value.value, ...pushed.value]) } : value;
  });
  return {
    shown,
    read: first.read,
    count(id) {
      return shown.value.kind === 'ready' ? (shown.value.value.get(id)?.count ?? undefined) : undefined;
    },
    start() {
      pushed.value = new Map();
      void first.read();
      const leave = live.on('counters', ({ id, count, isMore, oldestAt }: LiveItem) => {
        pushed.value = new Map([...pushed.value, [id, { count, isMore, oldestAt } as Counter]]);
      });
      return () => {
        leave();
        first.stop();
      };
    },
  };
}
