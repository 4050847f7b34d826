/**
 * Changes as they happen. Of all tabs of a browser one, the leader, follows the stream and passes on what it receives, because a browser
 * opens six connections to a server at most.
 */
import { computed, type ReadonlySignal, signal } from '@preact/signals';
import { readEvents, type StreamEvent } from './events.ts';

/** `off`: nothing to follow. `stale`: nothing was heard for 20 s, so what is shown may be old. */
export type LiveStatus = 'off' | 'connecting' | 'live' | 'reconnecting' | 'stale';
export interface LiveItem {
  readonly id: string;
  readonly [field: string]: unknown;
}
export interface Live {
  readonly status: ReadonlySignal<LiveStatus>;
  /** True unless changes arrive: nothing may be decided on what is shown. */
  readonly isOld: ReadonlySignal<boolean>;
  /** Seconds since anything was heard. */
  readonly silentS: ReadonlySignal<number>;
  /** `aside`: what is shown does not depend on the topic, and is not old while the server cannot read its list. */
  on(topic: string, changed: (item: LiveItem) => void, options?: { readonly aside?: boolean }): () => void;
  /** Changes may have been missed: what is shown must be read again. `isFirst`: the stream was opened after the page began to read. */
  onGap(missed: (isFirst: boolean) => void): () => void;
  /** Follows these topics from now on. Only tabs of the same person share what arrives. */
  follow(topics: readonly string[], personId: string): void;
  stop(): void;
}
export interface LiveParts {
  readonly send: typeof fetch;
  /** Absent where the page is not served over https or from loopback; then every tab has its own stream. */
  readonly locks: LockManager | undefined;
  readonly onSignedOut: () => void;
}

/** What the leader passes on. `hello`: a tab that joins asks how things are. */
type Note =
  | { readonly kind: 'alive' | 'lost' | 'opened' | 'hello' }
  | { readonly kind: 'event'; readonly event: string; readonly id: string | undefined; readonly data: string };
const staleMs = 20_000;
/** A connection on which nothing is heard, not even a heartbeat, is given up. */
const deadMs = 40_000;
const retryMs = { first: 500, most: 3_000 } as const;
/** The event by which the server says that it cannot read a list, at every attempt, every 5 s or sooner; and that it can. */
const unreadable = 'stale';
const readable = 'snapshot';
const unreadableMs = 8_000;

export function createLive({ send, locks, onSignedOut }: LiveParts): Live {
  const status = signal<LiveStatus>('off');
  const heardAt = signal(0);
  /** Topics that are shown here and whose list the server cannot read: since when, and when it last said so. */
  const failing = signal<ReadonlyMap<string, { readonly since: number; readonly saidAt: number }>>(new Map());
  const now = signal(Date.now());
  const listeners = new Map<string, Set<(item: LiveItem) => void>>();
  const aside = new Set<(item: LiveItem) => void>();
  const missed = new Set<(isFirst: boolean) => void>();
  const shown = computed<LiveStatus>(() => (status.value === 'live' && failing.value.size > 0 ? 'stale' : status.value));
  let leading: AbortController | undefined;
  let lastEventId: string | undefined;
  let clock: ReturnType<typeof setInterval> | undefined;

  let isLeading = false;
  let channel: BroadcastChannel | undefined;

  function join(name: string): void {
    channel = new BroadcastChannel(name);
    channel.addEventListener('message', ({ data }: MessageEvent<Note>) => {
      if (data.kind !== 'hello') take(data);
      else if (isLeading && status.value === 'live') say({ kind: 'alive' });
    });
    say({ kind: 'hello' });
  }
  function say(note: Note): void {
    channel?.postMessage(note);
  }
  function pass(note: Note): void {
    say(note);
    take(note);
  }

  function take(note: Note): void {
    if (status.value === 'off') return;
    // A tab that slept past the limit has missed changes, even if the leader has not.
    const wasDeaf = status.value === 'stale' || Date.now() - heardAt.value > staleMs;
    switch (note.kind) {
      case 'lost':
        if (status.value === 'live') status.value = 'reconnecting';
        return;
      case 'opened':
      case 'alive':
      case 'event': {
        const isFirst = heardAt.value === 0;
        heardAt.value = Date.now();
        status.value = 'live';
        if (note.kind === 'event') tell(note);
        if (note.kind === 'opened' || (wasDeaf && !isFirst)) for (const call of missed) call(isFirst);
        return;
      }
    }
  }
  function tell({ event, id, data }: Note & { kind: 'event' }): void {
    // Of every tab, since any may lead next.
    if (id !== undefined) lastEventId = id;
    const item = parse(data);
    const topic = String(item?.topic);
    // Of a list that this page does not show, nothing is old here.
    if (event === unreadable && [...(listeners.get(topic) ?? [])].some((each) => !aside.has(each)))
      failing.value = new Map([...failing.value, [topic, { since: failing.value.get(topic)?.since ?? Date.now(), saidAt: Date.now() }]]);
    if (event === readable) recover((each) => each === topic);
    if (item !== null) for (const changed of listeners.get(event) ?? []) changed(item);
  }
  /** Once all lists can be read, what is shown is read again. */
  function recover(isReadable: (topic: string, saidAt: number) => boolean): void {
    const rest = new Map([...failing.value].filter(([topic, { saidAt }]) => !isReadable(topic, saidAt)));
    if (rest.size === failing.value.size) return;
    failing.value = rest;
    if (rest.size === 0) for (const call of missed) call(false);
  }
  function tick(): void {
    now.value = Date.now();
    if (heardAt.value > 0 && now.value - heardAt.value > staleMs) status.value = 'stale';
    recover((_, saidAt) => now.value - saidAt > unreadableMs);
  }

  async function lead(url: string, signal: AbortSignal): Promise<void> {
    isLeading = true;
    for (let pauseMs: number = retryMs.first; !signal.aborted; pauseMs = Math.min(pauseMs * 2, retryMs.most)) {
      const connection = new AbortController();
      let dead: ReturnType<typeof setTimeout> | undefined;
      let isOpen = false;
      const heard = (): void => {
        clearTimeout(dead);
        dead = setTimeout(() => connection.abort(), deadMs);
        pass({ kind: isOpen ? 'alive' : 'opened' });
        isOpen = true;
        pauseMs = retryMs.first;
      };
      const told = ({ event, id, data }: StreamEvent): void => pass({ kind: 'event', event, id, data });
      try {
        await readEvents(send, url, { lastEventId, signal: AbortSignal.any([signal, connection.signal]), heard, told });
      } catch (refused) {
        if (refused instanceof Response && refused.status === 401) return void onSignedOut();
        // Anything else passes: the loop connects again.
      }
      clearTimeout(dead);
      if (signal.aborted) break;
      pass({ kind: 'lost' });
      await pause(pauseMs * (0.75 + Math.random() / 2), signal);
    }
    isLeading = false;
  }

  function stop(): void {
    leading?.abort();
    leading = undefined;
    channel?.close();
    channel = undefined;
    isLeading = false;
    clearInterval(clock);
    heardAt.value = 0;
    failing.value = new Map();
    status.value = 'off';
  }

  return {
    status: shown,
    isOld: computed(() => shown.value !== 'live'),
    silentS: computed(() => {
      const since = failing.value.size > 0 ? Math.min(...[...failing.value.values()].map((each) => each.since)) : heardAt.value;
      return since === 0 ? 0 : Math.max(0, Math.round((now.value - since) / 1_000));
    }),
    on(topic, changed, options = {}) {
      const known = listeners.get(topic) ?? new Set();
      listeners.set(topic, known.add(changed));
      if (options.aside) aside.add(changed);
      return () => {
        known.delete(changed);
        aside.delete(changed);
      };
    },
    onGap(call) {
      missed.add(call);
      return () => void missed.delete(call);
    },
    follow(topics, personId) {
      stop();
      if (topics.length === 0) return;
      leading = new AbortController();
      const { signal } = leading;
      const url = `/api/v1/stream?topics=${topics.join(',')}`;
      status.value = 'connecting';
      clock = setInterval(tick, 1_000);
      if (locks === undefined) {
        void lead(url, signal);
        return;
      }
      const name = `polyb-live-${personId}`;
      join(name);
      // The lock of a tab that is closed passes to the next one. The request ends with an AbortError when this tab stops.
      void locks.request(name, { signal }, () => lead(url, signal)).catch(() => {});
    },
    stop,
  };
}

function parse(data: string): LiveItem | null {
  try {
    return JSON.parse(data) as LiveItem;
  } catch {
    return null; // No item; the next one may be.
  }
}
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    addEventListener('online', () => resolve(), { once: true, signal });
    signal.addEventListener('abort', () => resolve(), { once: true });
    signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
  });
}
