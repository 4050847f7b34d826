/** Requests to the documented routes. */
import type { InputOf, OutputOf } from '../../contracts/kit/define.ts';
import type { Code } from '../../contracts/kit/errors.ts';

/** `POST /api/v1/journal/{id}/approve`, as the contract has it. */
export type RouteName = `${'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'} /${string}`;
export interface RequestOptions {
  readonly signal?: AbortSignal;
  /** Repeats of the same act have the same key. Default: a new one for each call. */
  readonly key?: string;
  /** The version that was read; a change of another version is refused with 412. */
  readonly ifMatch?: string;
}
export interface Api {
  /** Calls the method `M` by its route: `api.call<typeof journal.list>('GET /api/v1/journal', { view: 'approvals' })`. */
  call<M>(route: RouteName, input: InputOf<M>, options?: RequestOptions): Promise<OutputOf<M>>;
  /** A route that is no method. */
  request(route: RouteName, input?: Fields, options?: RequestOptions): Promise<unknown>;
}
type Fields = Readonly<Record<string, unknown>>;

/** Why a request failed; see contracts/kit/errors.ts for the codes. */
export class RequestError extends Error {
  /** 0: no reply. */
  readonly status: number;
  readonly code: Code;
  readonly reason: string | undefined;
  readonly requestId: string | undefined;
  readonly retryAfterMs: number | undefined;
  readonly data: unknown;
  constructor(status: number, problem: Problem) {
    super(problem.detail ?? problem.code);
    this.name = 'RequestError';
    this.status = status;
    this.code = problem.code;
    this.reason = problem.reason;
    this.requestId = problem.requestId;
    this.retryAfterMs = problem.retryAfterMs;
    this.data = problem.data;
  }
}
interface Problem {
  readonly code: Code;
  readonly reason?: string;
  readonly detail?: string;
  readonly requestId?: string;
  readonly retryAfterMs?: number;
  readonly data?: unknown;
}
/** Beyond the longest deadline of a method that a page calls. */
const patienceMs = 30_000;

/** @param onSignedOut Called when the server no longer knows the session. */
export function createApi(send: typeof fetch, onSignedOut: () => void): Api {
  async function request(route: RouteName, input: Fields = {}, { signal, key, ifMatch }: RequestOptions = {}): Promise<unknown> {
    const [verb = 'GET', pattern = ''] = route.split(' ');
    const { path, rest } = placed(pattern, input);
    const isBare = verb === 'GET' || verb === 'DELETE';
    const deadline = AbortSignal.timeout(patienceMs);
    const answered = await send(isBare ? path + queryOf(rest) : path, {
      method: verb,
      credentials: 'same-origin',
      signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]),
      headers: {
        accept: 'application/json',
        ...(isBare ? {} : { 'content-type': 'application/json', 'idempotency-key': key ?? crypto.randomUUID() }),
        ...(ifMatch === undefined ? {} : { 'if-match': `"${ifMatch}"` }),
      },
      ...(isBare ? {} : { body: JSON.stringify(rest) }),
    }).catch((cause: unknown) => {
      if (signal?.aborted) throw signal.reason;
      throw new RequestError(0, { code: 'unavailable', reason: 'not_connected', detail: String(cause) });
    });
    const body = await answered.json().catch(() => null);
    if (answered.ok) return body;
    const problem = isProblem(body) ? body : ({ code: 'upstream_failed', reason: 'bad_reply' } as const);
    if (answered.status === 401) onSignedOut();
    throw new RequestError(answered.status, problem);
  }
  return { request, call: (route, input, options) => request(route, input as Fields, options) as Promise<never> };
}

/** Fields named in the path go there; the others remain. */
function placed(pattern: string, input: Fields): { readonly path: string; readonly rest: Fields } {
  const rest = { ...input };
  const path = pattern.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = rest[name];
    delete rest[name];
    return encodeURIComponent(String(value));
  });
  return { path, rest };
}
function queryOf(fields: Fields): string {
  const pairs = Object.entries(fields).filter(([, value]) => value !== undefined && value !== null);
  return pairs.length === 0 ? '' : `?${new URLSearchParams(pairs.map(([name, value]) => [name, String(value)]))}`;
}
function isProblem(body: unknown): body is Problem {
  return typeof body === 'object' && body !== null && typeof (body as { code?: unknown }).code === 'string';
}

export function isRequestError(thrown: unknown): thrown is RequestError {
  return thrown instanceof RequestError;
}
/** Thrown by a request whose page is gone; nothing to show. */
export function isAbort(thrown: unknown): boolean {
  return (thrown as { name?: unknown } | null)?.name === 'AbortError';
}
