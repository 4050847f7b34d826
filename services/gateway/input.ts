/** Converts an HTTP request to the input of a method. The service validates it. */
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { Viewer } from '../../contracts/common.ts';
import { coerceFields } from '../../contracts/kit/coerce.ts';
import type { HttpShape } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { applyShape } from '../../contracts/kit/legacy-body.ts';
import { fieldsOf, isForm } from './form.ts';
import type { HttpRoute } from './routes.ts';

type Texts = Readonly<Record<string, string | readonly string[] | undefined>>;
export type RequestParts = Pick<FastifyRequest, 'params' | 'query' | 'headers' | 'body'>;

const mostHeaders = 32;
const longestHeader = 1_024;

/** The parts of a route that decide how a request is read. */
export type InputRoute = Pick<HttpRoute, 'verb' | 'input'> &
  Partial<Pick<HttpRoute, 'alias' | 'former'>> & { readonly method: { readonly http: Omit<HttpShape, 'reply'> } };

/** Who asks, for the fields of an input that only the gateway fills. */
export interface Asker {
  readonly actor: string;
  /** Absent for an API key, which sees everything that its scopes allow. */
  readonly viewer?: z.output<typeof Viewer>;
}

/** @param asker Null for a route without keys. @throws PolybError invalid_argument/bad_parameters. */
export function inputOf(route: InputRoute, asked: RequestParts, asker: Asker | null): unknown {
  const { method, input, verb } = route;
  const alias = route.alias ?? route.former;
  const path = pairsOf(asked.params as Texts);
  if (method.http.body === 'raw') return applyShape(alias ?? {}, rawInput(route, asked, path));
  const isBare = verb === 'GET' || verb === 'DELETE';
  const given = isBare ? coerceFields(input, pairsOf(asked.query as Texts)) : bodyOf(route, asked.body);
  const shaped = alias === undefined ? given : applyShape(alias, given);
  // Path values override the body.
  const placed =
    path.length === 0
      ? shaped
      : coerceFields(
          input,
          path,
          isObject(shaped)
            ? omit(
                shaped,
                path.map(([field]) => field),
              )
            : shaped,
        );
  if (!isObject(placed)) return placed;
  const { actor, viewer, ifMatch } = method.http;
  return {
    ...(viewer === undefined ? placed : omit(placed, [viewer])),
    ...(actor === undefined || asker === null ? {} : { [actor]: asker.actor }),
    ...(viewer === undefined || asker?.viewer === undefined ? {} : { [viewer]: asker.viewer }),
    ...(ifMatch === undefined ? {} : versionOf(ifMatch, asked.headers['if-match'])),
  };
}

function bodyOf({ input, method }: InputRoute, body: unknown): unknown {
  return isForm(body) ? fieldsOf(input, body, method.http.files) : (body ?? {});
}

function omit(fields: Readonly<Record<string, unknown>>, names: readonly string[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name)));
}

/** The parts of the request that the method's input declares: a webhook is verified over its unchanged bytes. */
function rawInput({ input }: InputRoute, { headers, query, body }: RequestParts, path: readonly (readonly [string, string])[]): unknown {
  const declared = input.properties ?? {};
  const has = (name: string): boolean => Object.hasOwn(declared, name);
  const inQuery = pairsOf(query as Texts);
  const fields = coerceFields(input, [...inQuery.filter(([name]) => has(name) && !reserved.has(name)), ...path]);
  return {
    ...(fields as object),
    ...(has('headers') && { headers: passedHeaders(headers as Texts) }),
    ...(has('query') && { query: Object.fromEntries(inQuery) }),
    ...(has('body') && { body: Buffer.isBuffer(body) ? body : Buffer.alloc(0) }),
  };
}
const passed = new Set(['content-type', 'signature']);
const reserved = new Set(['headers', 'query', 'body']);

/** Signatures, secret tokens and similar headers (`webhook-…` of Standard Webhooks 1.0); never credentials of this gateway. */
function passedHeaders(headers: Texts): Readonly<Record<string, string>> {
  const isPassed = (name: string) => passed.has(name) || (name.startsWith('x-') && name !== 'x-api-key') || name.startsWith('webhook-');
  const kept = pairsOf(headers).filter(([name, text]) => isPassed(name) && text.length <= longestHeader);
  return Object.fromEntries(kept.slice(0, mostHeaders));
}

function pairsOf(texts: Texts | undefined): readonly (readonly [string, string])[] {
  const pairs: (readonly [string, string])[] = [];
  for (const [name, value] of Object.entries(texts ?? {})) {
    if (Array.isArray(value)) for (const text of value) pairs.push([name, String(text)]);
    else if (value !== undefined) pairs.push([name, String(value)]);
  }
  return pairs;
}

/** `If-Match: "<version>"`, also weak or unquoted. `*` names no version. */
function versionOf(field: string, header: string | undefined): Readonly<Record<string, string>> {
  if (header === undefined || header.trim() === '*') return {};
  const [, version] = /^(?:W\/)?"?([^",]{1,200})"?$/.exec(header.trim()) ?? [];
  if (version === undefined)
    throw new PolybError('invalid_argument', 'Bad If-Match: expected one ETag, as returned.', { reason: 'bad_parameters' });
  return { [field]: version };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
