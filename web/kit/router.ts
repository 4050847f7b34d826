/** The address as the state of the page: `/desk/<page>/<id>?<filters>`. */
import { computed, type ReadonlySignal, signal } from '@preact/signals';

export type Query = Readonly<Record<string, string>>;
export interface Route {
  /** Empty for `/desk/`. */
  readonly page: string;
  readonly id: string | null;
  readonly query: Query;
}
/** Values that a filter may have: one of a list, or any text of a kind. */
export type Filter = readonly string[] | 'text' | 'flag' | 'day';
export type Filters = Readonly<Record<string, Filter>>;

export interface Router {
  readonly route: ReadonlySignal<Route>;
  /** Shows an address of the desk. `replace` leaves no entry in the history. */
  go(href: string, options?: { readonly replace?: boolean }): void;
  /** Changes filters of the current page; null removes one. */
  filter(changes: Readonly<Record<string, string | null>>): void;
}

export function createRouter(): Router {
  const address = signal(location.href);
  const route = computed(() => routeOf(new URL(address.value)));
  const go: Router['go'] = (href, { replace = false } = {}) => {
    const target = new URL(href, location.href).href;
    if (target === location.href) return;
    history[replace ? 'replaceState' : 'pushState'](null, '', target);
    address.value = target;
  };
  addEventListener('popstate', () => {
    address.value = location.href;
  });
  document.addEventListener('click', (event) => {
    const link = (event.target as Element | null)?.closest?.('a[href]') as HTMLAnchorElement | null | undefined;
    if (!link || !isPlain(event) || link.target !== '' || link.hasAttribute('download')) return;
    const target = new URL(link.href);
    if (target.origin !== location.origin || !target.pathname.startsWith('/desk/') || target.hash !== '') return;
    event.preventDefault();
    go(target.href);
  });
  return {
    route,
    go,
    filter(changes) {
      const { page, id, query } = route.value;
      const next = Object.entries({ ...query, ...changes }).filter((pair): pair is [string, string] => pair[1] !== null);
      go(hrefOf(page, id, Object.fromEntries(next)));
    },
  };
}

export function hrefOf(page: string, id: string | null = null, query: Query = {}): string {
  const path = id === null ? `/desk/${page}` : `/desk/${page}/${encodeURIComponent(id)}`;
  const search = new URLSearchParams(query).toString();
  return search === '' ? path : `${path}?${search}`;
}

export function routeOf({ pathname, searchParams }: URL): Route {
  const [, , page = '', id] = pathname.split('/');
  return { page, id: id === undefined || id === '' ? null : decode(id), query: Object.fromEntries(searchParams) };
}

/** Names in a query that the page does not have, or whose value is none of theirs. */
export function unknownFilters(filters: Filters, query: Query): readonly string[] {
  return Object.entries(query)
    .filter(([name, value]) => {
      const filter = Object.hasOwn(filters, name) ? filters[name] : undefined;
      return filter === undefined || !fits(filter, value);
    })
    .map(([name]) => name);
}
function fits(filter: Filter, value: string): boolean {
  if (filter === 'flag') return value === '1';
  if (filter === 'day') return /^\d{4}-\d\d-\d\d$/.test(value) && !Number.isNaN(Date.parse(value));
  return filter === 'text' ? value.trim() !== '' && value.length <= 200 : filter.includes(value);
}

function isPlain(event: MouseEvent): boolean {
  return event.button === 0 && !event.defaultPrevented && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
}
function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // Not UTF-8: no id is spelled so, and the server says that it is not found.
  }
}
