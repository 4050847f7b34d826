/** What a request is at, for its picture. */
import { type ReadonlySignal, signal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { isAbort, isRequestError, RequestError } from './api.ts';

export type Shown<T> =
  | { readonly kind: 'loading' }
  /** `error`: it could not be read again, and may be old. */
  | { readonly kind: 'ready'; readonly value: T; readonly error?: RequestError }
  /** The server understood the request and does not allow it. */
  | { readonly kind: 'refused'; readonly error: RequestError }
  | { readonly kind: 'failed'; readonly error: RequestError };
export interface Resource<T> {
  readonly shown: ReadonlySignal<Shown<T>>;
  /** Reads again; what is shown remains meanwhile. Of two readings the later one counts. */
  read(): Promise<void>;
  /** Replaces the value by a newer one. */
  set(value: T): void;
  stop(): void;
}

export function createResource<T>(load: (signal: AbortSignal) => Promise<T>): Resource<T> {
  const shown = signal<Shown<T>>({ kind: 'loading' });
  let reading = new AbortController();
  return {
    shown,
    async read() {
      reading.abort();
      reading = new AbortController();
      const { signal } = reading;
      const next = await outcomeOf(load(signal));
      if (next !== null && !signal.aborted) shown.value = after(shown.value, next);
    },
    set(value) {
      reading.abort();
      shown.value = { kind: 'ready', value };
    },
    stop: () => reading.abort(),
  };
}

/** Of a component: read when it is first shown, given up when it is gone. */
export function useResource<T>(load: (signal: AbortSignal) => Promise<T>): Resource<T> {
  const resource = useMemo(() => createResource(load), []);
  useEffect(() => {
    void resource.read();
    return resource.stop;
  }, []);
  return resource;
}

/** A failure takes away nothing that is shown. */
export function after<T>(shown: Shown<T>, next: Shown<T>): Shown<T> {
  return shown.kind === 'ready' && next.kind === 'failed' ? { ...shown, error: next.error } : next;
}

/** Null for a request that was given up. */
export async function outcomeOf<T>(request: Promise<T>): Promise<Shown<T> | null> {
  try {
    return { kind: 'ready', value: await request };
  } catch (thrown) {
    if (isAbort(thrown)) return null;
    const error = errorOf(thrown);
    return { kind: [400, 403, 404].includes(error.status) ? 'refused' : 'failed', error };
  }
}
/** A mistake of the page itself is shown too, not swallowed. */
export function errorOf(thrown: unknown): RequestError {
  return isRequestError(thrown) ? thrown : new RequestError(0, { code: 'internal', detail: String(thrown) });
}
