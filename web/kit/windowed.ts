/** Rows of one height, of which only those in view are drawn; the keyboard moves a focus that stays with its row. */
import { useSignal } from '@preact/signals';
import type { ComponentChildren, VNode } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { html } from './html.ts';
import type { List } from './list.ts';

export interface WindowedProps<T> {
  readonly name: string;
  readonly label: string;
  readonly list: List<T>;
  readonly idOf: (item: T) => string;
  readonly row: (item: T) => ComponentChildren;
  readonly rowClass?: (item: T) => string;
  /** Enter, or a double click. */
  readonly open?: (item: T) => void;
  /** Of a grid: the cells of the head, and their number. */
  readonly head?: { readonly cells: ComponentChildren; readonly columns: number };
}
const overscan = 8;

export function Windowed<T>(props: WindowedProps<T>): VNode {
  const { name, label, list, idOf, row, rowClass, open, head } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const top = useSignal(0);
  const height = useSignal(600);
  const rowHeight = useSignal(48);
  const items = list.items.value;
  const focusedId = list.focusedId.value;
  const index = items.findIndex((item) => idOf(item) === focusedId);
  const first = Math.max(0, Math.floor(top.value / rowHeight.value) - overscan);
  const last = Math.min(items.length, Math.ceil((top.value + height.value) / rowHeight.value) + overscan);
  const isGrid = head !== undefined;
  const elementId = (id: string): string => `${name}-${id}`;

  useLayoutEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => {
      height.value = element.clientHeight;
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useLayoutEffect(() => {
    const measured = scroller.current?.querySelector('[data-row]')?.getBoundingClientRect().height ?? 0;
    if (measured > 0 && Math.abs(measured - rowHeight.value) > 0.5) rowHeight.value = measured;
  });
  useLayoutEffect(() => {
    const element = scroller.current;
    if (element === null || index < 0) return;
    const above = element.querySelector('[data-head]')?.getBoundingClientRect().height ?? 0;
    const begin = index * rowHeight.value;
    const end = begin + rowHeight.value;
    if (begin < element.scrollTop) element.scrollTop = begin;
    else if (end + above > element.scrollTop + element.clientHeight) element.scrollTop = end + above - element.clientHeight;
  }, [focusedId]);
  useEffect(() => {
    if (last >= items.length - overscan && list.hasMore.value && list.moreError.value === null) void list.more();
  });

  function keyDown(event: KeyboardEvent): void {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target !== scroller.current) return;
    const page = Math.max(1, Math.floor(height.value / rowHeight.value) - 1);
    const steps: Readonly<Record<string, number>> = {
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: page,
      PageUp: -page,
      Home: -items.length,
      End: items.length,
    };
    const step = steps[event.code];
    const focused = list.focused.value;
    if (step !== undefined) list.move(step);
    else if (event.code === 'Enter' && open !== undefined && focused !== null) open(focused);
    else return;
    event.preventDefault();
  }

  const drawn = items.slice(first, last).map((item, offset) => {
    const id = idOf(item);
    const isFocused = id === focusedId;
    return html`<div
      key=${id}
      id=${elementId(id)}
      data-row=${id}
      class=${`row ${isFocused ? 'focused' : ''} ${rowClass?.(item) ?? ''}`}
      role=${isGrid ? 'row' : 'option'}
      aria-selected=${isFocused}
      ...${isGrid ? { 'aria-rowindex': first + offset + 2 } : { 'aria-posinset': first + offset + 1, 'aria-setsize': items.length }}
      onClick=${() => list.focus(id)}
      onDblClick=${() => open?.(item)}
    >${row(item)}</div>`;
  });
  const space = { paddingTop: `${first * rowHeight.value}px`, paddingBottom: `${(items.length - last) * rowHeight.value}px` };
  return html`<div
    class=${isGrid ? 'windowed grid' : 'windowed listbox'}
    ref=${scroller}
    tabindex="0"
    role=${isGrid ? 'grid' : 'listbox'}
    aria-label=${label}
    ...${isGrid ? { 'aria-rowcount': items.length + 1, 'aria-colcount': head.columns } : {}}
    aria-activedescendant=${index >= first && index < last && focusedId !== null ? elementId(focusedId) : undefined}
    data-list=${name}
    onScroll=${(event: Event) => {
      top.value = (event.currentTarget as HTMLElement).scrollTop;
    }}
    onKeyDown=${keyDown}
  >
    ${isGrid && html`<div role="rowgroup" data-head class="head"><div role="row" class="row" aria-rowindex="1">${head.cells}</div></div>`}
    <div role=${isGrid ? 'rowgroup' : 'presentation'} style=${space}>${drawn}</div>
  </div>`;
}

/** Moves the keyboard to the list that has this name. */
export function focusList(name: string): void {
  document.querySelector<HTMLElement>(`[data-list="${CSS.escape(name)}"]`)?.focus({ preventScroll: true });
}
