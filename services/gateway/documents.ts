/** Documentation of the routes, for people and for tools. The library of the page is loaded at the first visit. */
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { rowPath } from '../../contracts/aliases.ts';
import { feeds } from '../../contracts/feeds.ts';
import type { Alias, Contract } from '../../contracts/kit/define.ts';
import { asyncApi, describe, type EntryFact, exported, jsonSchema, openApi } from '../../contracts/kit/describe.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { sessionDocuments } from './people/session-routes.ts';
import { problemReply } from './problem.ts';
import type { HttpRoute, StreamRoute } from './routes.ts';

export interface DocumentSources {
  readonly routes: readonly HttpRoute[];
  readonly streamRoutes?: readonly StreamRoute[];
  readonly contracts: readonly Contract[];
  readonly aliases: readonly Alias[];
  readonly version: string;
  readonly prefix: string;
}

/** Only routed methods, including aliases. */
export function openApiOf({
  routes,
  streamRoutes = [],
  version,
}: Pick<DocumentSources, 'routes' | 'streamRoutes' | 'version'>): Readonly<Record<string, unknown>> {
  const entries = Object.fromEntries([
    ...routes.map(ofMethod),
    ...streamRoutes.map(({ method, http, scope, people }): [string, EntryFact] => [
      method.address,
      { ...describe(method), http: { ...http, scope, people } },
    ]),
  ]);
  function ofMethod(route: HttpRoute): [string, EntryFact] {
    const { method, alias, former, verb, path, scope, people } = route;
    const described = describe(method);
    const http = { ...method.http, route: `${verb} ${path}` as `GET /${string}`, scope, people };
    if (alias === undefined) {
      const also = former?.body === undefined ? {} : { input: { anyOf: [described.input ?? {}, jsonSchema(former.body, 'input')] } };
      return [method.address, { ...described, http, ...also }];
    }
    const input = alias.body === undefined ? withoutFixed(described, alias) : jsonSchema(alias.body, 'input');
    return [alias.from, { ...described, http, input, ...(alias.body === undefined ? {} : { examples: [] }) }];
  }
  const made = openApi({ $comment: 'Generated from the contracts.', entries, aliases: [], pipelines: {} }, { version });
  return {
    ...made,
    paths: { ...(made.paths as object), '/api/v1/stream': { get: stream }, ...sessionDocuments({ '4XX': failure, default: failure }) },
  };
}

const failure = {
  description: 'An error; see `code`.',
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
};
/** Not a method. */
const stream = {
  operationId: 'stream',
  tags: ['journal'],
  summary: 'Changes as server-sent events; Last-Event-ID resumes after the last one received.',
  'x-scope': 'read',
  parameters: [
    {
      name: 'topics',
      in: 'query',
      required: false,
      description: `Comma-separated topics: ${Object.keys(feeds).join(', ')}. Default: runs and approvals, as far as the API key allows. ${Object.entries(
        feeds,
      )
        .map(([topic, { scope }]) => `${topic} needs ${scope}`)
        .join(', ')}.`,
      schema: { type: 'string', maxLength: 100 },
    },
    {
      name: 'Last-Event-ID',
      in: 'header',
      required: false,
      description: 'Id of the last event received. With it the topic messages neither misses nor repeats a message.',
      schema: { type: 'string', maxLength: 200 },
    },
  ],
  responses: {
    200: { description: 'An endless stream of events.', content: { 'text/event-stream': { schema: { type: 'string' } } } },
    '4XX': failure,
    default: failure,
  },
};

/** Values implied by the alias may be omitted. */
function withoutFixed({ input = {} }: EntryFact, { fixed = {}, defaults = {} }: Alias): NonNullable<EntryFact['input']> {
  const { required, ...rest } = input;
  const left = (required ?? []).filter((name) => !Object.hasOwn(defaults, name) && !Object.hasOwn(fixed, name));
  const properties = Object.fromEntries(Object.entries(input.properties ?? {}).filter(([name]) => !Object.hasOwn(fixed, name)));
  return { ...rest, properties, ...(left.length === 0 ? {} : { required: left }) };
}

export function addDocuments(app: FastifyInstance, documented: DocumentSources): void {
  let description: string | undefined;
  let events: string | undefined;
  const describeHttp = (): string => (description ??= JSON.stringify(openApiOf(documented)));
  const describeBus = (): string => {
    const { contracts, aliases, version, prefix } = documented;
    events ??= JSON.stringify(asyncApi(exported(contracts, aliases), { version, prefix }));
    return events;
  };
  for (const [name, text] of [['openapi.json', describeHttp] as const, ['asyncapi.json', describeBus] as const])
    for (const path of [`/${name}`, `/api/v1/${name}`])
      app.get(path, (_, reply) => reply.header('content-type', 'application/json; charset=utf-8').send(text()));

  // A browser requests it with any page, and would report a 404.
  app.get('/favicon.ico', (_, reply) => reply.code(204).send());

  let page: Promise<FastifyInstance> | undefined;
  app.addHook('onClose', async () => {
    await (await page)?.close();
  });
  for (const url of ['/docs', '/docs/*'])
    app.get(url, async (request, reply) => {
      page ??= docsPage(JSON.parse(describeHttp()));
      const { routing } = await page;
      reply.hijack();
      request.raw.headers['x-request-id'] = request.id;
      routing(request.raw, reply.raw);
    });
}

/**
 * The page runs only scripts of this server, with inline styles. HTTP is not upgraded, because a gateway on loopback has no
 * certificate.
 */
const pagePolicy =
  "default-src 'self'; base-uri 'self'; font-src 'self' data:; frame-ancestors 'none'; img-src 'self' data:; object-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'";

/** A separate server, called in memory: a plugin cannot be added after a server listens. */
async function docsPage(document: object): Promise<FastifyInstance> {
  const [{ default: swagger }, { default: swaggerUi }] = await Promise.all([import('@fastify/swagger'), import('@fastify/swagger-ui')]);
  const app = fastify({ requestIdHeader: 'x-request-id' });
  const refuse = (thrown: unknown, request: FastifyRequest, reply: FastifyReply) => {
    const at = { path: request.url.split('?')[0] ?? '', requestId: request.id, rowPath };
    const { status, headers, body } = problemReply(thrown, at);
    return reply
      .code(status)
      .headers({ ...headers, 'x-request-id': request.id, 'content-type': 'application/problem+json' })
      .send(Buffer.from(JSON.stringify(body)));
  };
  app.setErrorHandler(refuse);
  app.setNotFoundHandler((request, reply) =>
    refuse(new PolybError('not_found', 'There is no such documentation page; start at /docs.'), request, reply),
  );
  await app.register(swagger, { mode: 'static', specification: { document: document as never } });
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: pagePolicy,
    uiConfig: { docExpansion: 'list', validatorUrl: null, persistAuthorization: false },
  });
  await app.ready();
  return app;
}
