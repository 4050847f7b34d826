/** The HTTP server: routes of contracts, each a call over the bus. */

import { randomUUID } from 'node:crypto';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { CallOptions, Log } from '../../bus/service.ts';
import { derivedKey } from '../../bus/wire/key.ts';
import { rowPath } from '../../contracts/aliases.ts';
import type { Method } from '../../contracts/kit/define.ts';
import { deprecationHeaders } from '../../contracts/kit/deprecation.ts';
import { codes, PolybError, toPolybError } from '../../contracts/kit/errors.ts';
import type { Admit } from './admit.ts';
import { answer } from './answer.ts';
import { readForm } from './form.ts';
import { inputOf } from './input.ts';
import type { Identity } from './keys.ts';
import type { Owners } from './owners.ts';
import { problemReply } from './problem.ts';
import { answerRanged } from './ranged.ts';
import type { HttpRoute, StreamRoute } from './routes.ts';
import type { Decision } from './rows.ts';
import { answerStream, type StreamReplyParts } from './stream-route.ts';
import { answerUnreadable } from './unreadable.ts';
import { allowedVerbs } from './verbs.ts';
import { auditedOf, visibility } from './visibility.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The authenticated key or session; null for a route without keys. */
    identity: Identity | null;
    /** Aborted when the client disconnects before the reply; null where it does not matter. */
    leaving: AbortController | null;
  }
}
export type CallMethod = (method: Method, input: unknown, options: CallOptions & { readonly key?: string }) => Promise<unknown>;
export interface AppOptions {
  readonly bodyLimitBytes: number;
  readonly requestTimeoutMs: number;
  readonly maxConnections: number;
  readonly maxInFlight: number;
  readonly trustedProxies: readonly string[];
  /** An approval must name the version it is about. */
  readonly requireIfMatch: boolean;
}
export interface AppParts {
  readonly routes: readonly HttpRoute[];
  /** Absent: no streams of contracts. */
  readonly streams?: (StreamReplyParts & { readonly routes: readonly StreamRoute[] }) | undefined;
  readonly ask: CallMethod;
  readonly admit: Admit;
  /** Records a decision. */
  readonly decided: (decision: Decision) => Promise<void>;
  readonly owners: Owners;
  /** A request has changed something. */
  readonly changed: () => void;
  readonly observed: (what: { readonly verb: string; readonly route: string; readonly status: number; readonly ms: number }) => void;
  readonly log: Log;
  readonly options: AppOptions;
}

const longestParam = 300;
const headersTimeoutMs = 10_000;
const keepAliveMs = 65_000;

/** Not listening yet; further routes can be added. */
export function createApp(parts: AppParts): FastifyInstance {
  const { routes, observed, log, options } = parts;
  let inFlight = 0;
  const app = fastify({
    bodyLimit: options.bodyLimitBytes,
    requestTimeout: options.requestTimeoutMs,
    keepAliveTimeout: keepAliveMs,
    http: {
      headersTimeout: Math.min(headersTimeoutMs, options.requestTimeoutMs),
      connectionsCheckingInterval: checkMs(options.requestTimeoutMs),
    },
    routerOptions: { maxParamLength: longestParam },
    // Services validate; the library's schema compilers are never loaded.
    schemaController: { compilersFactory: { buildValidator: noCompiler, buildSerializer: noCompiler } },
    trustProxy: options.trustedProxies.length > 0 ? [...options.trustedProxies] : false,
    forceCloseConnections: 'idle',
    genReqId: ({ headers }) => {
      const given = headers['x-request-id'];
      return typeof given === 'string' && /^[\w.:-]{1,128}$/.test(given) ? given : randomUUID();
    },
    frameworkErrors: (error, request, reply) => void sendProblem(error, request as FastifyRequest, reply as FastifyReply),
    clientErrorHandler: answerUnreadable,
  });
  app.server.maxConnections = options.maxConnections;
  app.decorateRequest('identity', null).decorateRequest('leaving', null);

  // No promises here: these run for every request.
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id).header('x-content-type-options', 'nosniff').header('cache-control', 'no-store');
    const began = performance.now();
    inFlight += 1;
    // `close` also fires when the client disconnects before the reply; the library's hook does not report that.
    reply.raw.once('close', () => {
      inFlight -= 1;
      const isAnswered = reply.raw.writableFinished;
      if (!isAnswered) request.leaving?.abort();
      const status = isAnswered ? reply.statusCode : codes.cancelled.http;
      observed({ verb: request.method, route: request.routeOptions.url ?? '_OTHER', status, ms: performance.now() - began });
    });
    if (inFlight <= options.maxInFlight) done();
    else done(new PolybError('unavailable', 'This server is at its limit of concurrent requests; try again.', { retryAfterMs: 1_000 }));
  });
  app.setErrorHandler((error, request, reply) => sendProblem(error, request, reply));
  const verbsOf = allowedVerbs(app);
  app.setNotFoundHandler((request, reply) => {
    const allowed = verbsOf(request.url.split('?')[0] ?? '');
    if (allowed.length === 0)
      return sendProblem(
        new PolybError('not_found', `There is no route for ${request.method} here; /openapi.json lists all routes.`),
        request,
        reply,
      );
    reply.header('allow', allowed.join(', '));
    return sendProblem(
      new PolybError('not_found', `${request.method} is not allowed here; use ${allowed.join(', ')}.`, { reason: 'method_not_allowed' }),
      request,
      reply,
    );
  });

  // A body may be absent whatever its content type.
  const parseJson = app.getDefaultJsonParser('error', 'error');
  app.removeContentTypeParser(['application/json', 'text/plain']);
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body: string, done) => {
    if (body === '') done(null, undefined);
    else void parseJson(request, body, done);
  });
  const taking = (body: 'json' | 'multipart' | 'raw') => routes.filter(({ method }) => (method.http.body ?? 'json') === body);
  for (const route of taking('json')) addRoute(app, route, parts);
  const { streams } = parts;
  if (streams !== undefined) {
    for (const route of streams.routes) if (route.http.body !== 'multipart') addStreamRoute(app, route, { ...parts, streams });
    // A stream never ends on its own, so closing must not wait for it.
    app.addHook('preClose', async () => streams.openStreams.close());
  }
  app.register((forms, _, registered) => {
    forms.addContentTypeParser('multipart/form-data', { parseAs: 'buffer' }, (request: FastifyRequest, body: Buffer) =>
      readForm(request.headers['content-type'] ?? '', body),
    );
    for (const route of taking('multipart')) addRoute(forms, route, parts);
    if (streams !== undefined)
      for (const route of streams.routes) if (route.http.body === 'multipart') addStreamRoute(forms, route, { ...parts, streams });
    registered();
  });
  app.register((raw, _, registered) => {
    raw.removeAllContentTypeParsers();
    raw.addContentTypeParser('*', { parseAs: 'buffer' }, (_, body, done) => done(null, body));
    for (const route of taking('raw')) addRoute(raw, route, parts);
    registered();
  });
  return app;

  function sendProblem(thrown: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const path = request.url.split('?')[0] ?? '';
    const { status, headers, body } = problemReply(thrown, { path, requestId: request.id, rowPath });
    if (status >= 500 && body.code === 'internal') log.error({ err: thrown, requestId: request.id }, 'a request failed');
    // Sent as bytes, because the library would add a charset to the type of a text.
    return reply
      .code(status)
      .headers(headers)
      .header('content-type', 'application/problem+json')
      .send(Buffer.from(JSON.stringify(body)));
  }
}

function addRoute(app: FastifyInstance, route: HttpRoute, { ask, admit, decided, owners, changed, log, options }: AppParts): void {
  const { method, scope, people, verb, path } = route;
  const isRead = method.idempotency === 'read';
  const isKeyed = method.idempotency === 'keyed';
  const isDecision = !isRead && method.roles !== undefined && (method.http.actor !== undefined || scope === 'admin');
  /** Whatever a person changes is audited; of an API key, what it decides and what it manages. */
  const isAudited = ({ session }: Identity): boolean => isDecision || (session !== undefined && !isRead);
  const { ownClients, shownTo } = visibility(
    { address: method.address, hasViewer: method.http.viewer !== undefined, output: method.output },
    { owners, decided },
  );
  const deprecation = method.deprecated === undefined ? undefined : deprecationHeaders(method.deprecated);

  app.route({
    method: verb as 'GET',
    url: path.replace(/\{(\w+)\}/g, ':$1'),
    onRequest: async (request, reply) => {
      if (deprecation !== undefined) reply.headers(deprecation);
      if (scope !== 'none') request.identity = await admit({ scope, people, path }, request, reply);
      if (options.requireIfMatch && method.http.ifMatch !== undefined && isUnbound(request.headers['if-match']))
        throw new PolybError('failed_precondition', 'Provide If-Match: the ETag of the version you read, not *.', {
          reason: 'precondition_required',
        });
    },
    handler: async (request, reply) => {
      const { identity } = request;
      const input = inputOf(route, request, identity);
      const requireOwn = ownClients(identity);
      await requireOwn(method.input, input);
      const key = isKeyed ? keyOf(request, reply) : undefined;
      // A read is cancelled when its client disconnects. A change continues.
      if (isRead) request.leaving = new AbortController();
      if (method.http.reply === 'ranged') {
        const whileWanted = request.leaving === null ? {} : { signal: request.leaving.signal };
        return answerRanged((part) => ask(method, { ...(input as object), ...part }, whileWanted), request, reply);
      }
      const asked = ask(method, input, {
        ...(key === undefined
          ? {}
          : { key: derivedKey(identity?.namespace ?? 'open', key), onReplay: () => void reply.header('idempotency-replayed', 'true') }),
        ...(request.leaving === null ? {} : { signal: request.leaving.signal }),
      });
      const output = identity !== null && isAudited(identity) ? await audited(asked, request, identity) : await asked;
      await requireOwn(method.output, output);
      if (!isRead) changed();
      return answer(route, identity === null ? output : await shownTo(identity, { input, output }, request), request, reply);
    },
  });

  /** The outcome, after its audit entry is stored. The journal has it as well, so an unavailable audit does not undo it. */
  async function audited(asked: Promise<unknown>, request: FastifyRequest, { keyId, client, person }: Identity): Promise<unknown> {
    const note = (code: string, reason: string | null): Promise<void> =>
      decided({ ...auditedOf(method.address, request), keyId, client, person, code, reason }).catch((err: unknown) =>
        log.error({ err, requestId: request.id }, 'auditing a decision failed'),
      );
    try {
      const output = await asked;
      await note('ok', null);
      return output;
    } catch (thrown) {
      const { code, reason } = toPolybError(thrown);
      await note(code, reason ?? null);
      throw thrown;
    }
  }
}

function addStreamRoute(app: FastifyInstance, route: StreamRoute, parts: AppParts & { readonly streams: StreamReplyParts }): void {
  const { method: stream, http, scope, people, verb, path } = route;
  const { admit, streams } = parts;
  const { ownClients, shownTo } = visibility({ address: stream.address, hasViewer: http.viewer !== undefined, output: stream.down }, parts);
  app.route({
    method: verb as 'GET',
    url: path.replace(/\{(\w+)\}/g, ':$1'),
    onRequest: async (request, reply) => {
      if (scope !== 'none') request.identity = await admit({ scope, people, path }, request, reply);
    },
    handler: async (request, reply) => {
      const { identity } = request;
      const input = inputOf({ verb, input: route.input, method: { http } }, request, identity);
      const requireOwn = ownClients(identity);
      await requireOwn(stream.input, input);
      const shown = async (item: unknown): Promise<unknown> => {
        await requireOwn(stream.down, item);
        return identity === null ? item : shownTo(identity, { input, output: item }, request);
      };
      await answerStream(streams, { stream, input, identity, shown }, request, reply);
    },
  });
}

/** `*` matches any version and says nothing about the version that was read. */
function isUnbound(ifMatch: string | undefined): boolean {
  return ifMatch === undefined || ifMatch.trim() === '*';
}
/** Interval of connection checks: a limit is accurate to a fifth. */
function checkMs(timeoutMs: number): number {
  return Math.max(100, Math.min(5_000, timeoutMs / 5));
}
function noCompiler(): never {
  throw new TypeError('a route of the gateway has no schema of its own');
}

/** The key of the client, or a new one; both are returned. Quotes follow RFC 9651. */
function keyOf({ headers }: FastifyRequest, reply: FastifyReply): string {
  const given = headers['idempotency-key'];
  if (given === undefined) {
    const made = randomUUID();
    reply.header('idempotency-key', made);
    return made;
  }
  const [, key] = /^"?([\x21\x23-\x7e]{1,200})"?$/.exec(String(given).trim()) ?? [];
  if (key === undefined)
    throw new PolybError('invalid_argument', 'Bad Idempotency-Key: expected 1 to 200 printable characters without spaces.', {
      reason: 'bad_parameters',
    });
  reply.header('idempotency-key', key);
  return key;
}
