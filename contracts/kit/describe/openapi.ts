/** The HTTP interface of contracts as an OpenAPI 3.1 document. */
import { deprecationText } from '../deprecation.ts';
import type { Code } from '../errors.ts';
import { codes, httpOf } from '../errors.ts';
import type { ContractsFile, EntryFact } from './exported.ts';
import type { JsonSchema } from './schema.ts';

type Json = Readonly<Record<string, unknown>>;
const problem = { $ref: '#/components/schemas/Problem' };

/** One operation per method, `operationId` service_method. Errors are problem+json. */
export function openApi(contracts: ContractsFile, info: { readonly version: string }): Json {
  const named = Object.entries(contracts.entries).filter(([, { kind }]) => kind === 'method');
  const methods = named.map(([, method]) => method);
  const paths: Record<string, Record<string, Json>> = {};
  for (const [name, method] of named) {
    const { verb, path } = routeOf(method);
    paths[path] = { ...paths[path], [verb]: { ...operation(method), ...(name === method.address ? {} : { operationId: idOf(name) }) } };
  }
  return {
    openapi: '3.1.0',
    'x-generated': contracts.$comment,
    info: {
      title: 'PolyB',
      version: info.version,
      summary: 'Capabilities of a sales desk as named services.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    security: [{ apiKey: [] }, { bearer: [] }],
    tags: [...new Set(methods.map(({ service }) => service))].map((name) => ({ name, description: `The contract ${name}.` })),
    paths,
    components: {
      securitySchemes: {
        apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
        bearer: { type: 'http', scheme: 'bearer' },
      },
      schemas: { Problem: problemSchema },
    },
  };
}

/** `post_leads` for a former route, `POST /leads`. */
function idOf(name: string): string {
  return name.toLowerCase().replace(/\W+/g, '_').replace(/^_|_$/g, '');
}

/** `{ verb: 'get', path: '/api/v1/calls/{callId}' }`. */
export function routeOf(method: EntryFact): { readonly verb: string; readonly path: string } {
  const [verb = 'POST', path = '/'] = (method.http?.route ?? `POST /api/v1/${method.service}/${method.name}`).split(' ');
  return { verb: verb.toLowerCase(), path };
}

function operation(method: EntryFact): Json {
  const { verb, path } = routeOf(method);
  const { input = {}, http } = method;
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
  const isRaw = http?.body === 'raw';
  const rest = Object.keys(input.properties ?? {}).filter(
    (name) => !inPath.includes(name) && !(isRaw && (name === 'headers' || name === 'body')),
  );
  const inQuery = isRaw || verb === 'get' || verb === 'delete' ? rest : [];
  const parameter = (place: string) => (name: string) => ({
    name,
    in: place,
    required: place === 'path' || (input.required?.includes(name) ?? false),
    ...(input.properties?.[name]?.description === undefined ? {} : { description: input.properties[name].description }),
    schema: extended(input.properties?.[name] ?? {}),
  });
  const hasBody = verb !== 'get' && verb !== 'delete' && (rest.length > 0 || isRaw);
  return {
    operationId: `${method.service}_${method.name}`,
    tags: [method.service],
    summary: method.summary,
    ...(method.deprecated === undefined ? {} : { deprecated: true, description: `Deprecated: ${deprecationText(method.deprecated)}.` }),
    ...(method.reaches === undefined ? {} : { 'x-reaches': method.reaches }),
    ...(method.roles === undefined ? {} : { 'x-roles': method.roles }),
    ...(http?.scope === undefined ? {} : { 'x-scope': http.scope }),
    ...(http?.scope === 'none' || isRaw ? { security: [] } : {}),
    parameters: [
      ...inPath.map(parameter('path')),
      ...inQuery.map(parameter('query')),
      ...(method.idempotency === 'keyed' ? [idempotencyKey] : []),
      ...(http?.ifMatch === undefined ? [] : [ifMatch]),
    ],
    ...(hasBody ? { requestBody: body(method, rest) } : {}),
    responses: { ...success(method), ...failures(method) },
  };
}

const idempotencyKey = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description:
    'Idempotency key: repeats of a request with one key have one effect. Without one the service generates a key and returns it.',
  schema: { type: 'string', minLength: 1, maxLength: 255 },
};

const keyHeaders = {
  'Idempotency-Key': {
    description: 'The key of the request, made by the service where none was sent.',
    schema: { type: 'string', maxLength: 255 },
  },
  'Idempotency-Replayed': {
    description: 'true: a request with this key was made before, and this is its reply.',
    schema: { type: 'string', const: 'true' },
  },
};

const ifMatch = {
  name: 'If-Match',
  in: 'header',
  required: false,
  description: 'ETag of the version that was read; refused with 412 if it has changed.',
  schema: { type: 'string', minLength: 1, maxLength: 202 },
};

function body({ input = {}, http, examples = [] }: EntryFact, fields: readonly string[]): Json {
  if (http?.body === 'raw') return { required: true, description: 'The body as received.', content: { '*/*': {} } };
  const schema = extended({
    ...input,
    properties: Object.fromEntries(fields.map((name) => [name, input.properties?.[name] ?? {}])),
    ...(input.required === undefined ? {} : { required: input.required.filter((name) => fields.includes(name)) }),
  });
  const given =
    examples.length === 0
      ? {}
      : { examples: Object.fromEntries(examples.map((value, index) => [`example${index + 1}`, { value: inBody(value, fields, input) }])) };
  return {
    required: (input.required ?? []).some((name) => fields.includes(name)),
    content: { [http?.body === 'multipart' ? 'multipart/form-data' : 'application/json']: { schema, ...given } },
  };
}

/** Path parameters are not part of the body. */
function inBody(example: unknown, fields: readonly string[], { properties = {} }: JsonSchema): unknown {
  if (typeof example !== 'object' || example === null) return example;
  return Object.fromEntries(Object.entries(example).filter(([name]) => fields.includes(name) || !Object.hasOwn(properties, name)));
}

function success({ output = {}, http, idempotency }: EntryFact): Json {
  const content = {
    json: { 'application/json': { schema: extended(output) } },
    bytes: { 'application/octet-stream': {} },
    ranged: { 'application/octet-stream': {} },
    events: { 'text/event-stream': { schema: { type: 'string' } } },
  }[http?.reply ?? 'json'];
  const pending = {
    description: 'Accepted; the outcome is not known yet. Location is where to ask for it.',
    headers: { Location: { schema: { type: 'string' } }, 'Idempotency-Key': { schema: { type: 'string' } } },
    content: { 'application/problem+json': { schema: problem } },
  };
  if (idempotency !== 'keyed') return { 200: { description: 'Successful reply.', content } };
  return { 200: { description: 'Successful reply.', headers: keyHeaders, content }, 202: pending };
}

function failures({ errors = {} }: EntryFact): Json {
  const all: readonly (readonly [Code, string])[] = [
    ['invalid_argument', codes.invalid_argument.title],
    ...Object.entries(errors).map(([reason, code]) => [code, reason] as const),
  ];
  const byStatus = Map.groupBy(all, ([code, reason]) => httpOf(code, reason));
  const answer = (description: string) => ({ description, content: { 'application/problem+json': { schema: problem } } });
  return {
    ...Object.fromEntries([...byStatus].map(([status, reasons]) => [status, answer(reasons.map(([, reason]) => reason).join(', '))])),
    default: answer('Any other failure; see `code`.'),
  };
}

/** RFC 9457, with the facts that decide whether to repeat a request. */
export const problemSchema = {
  type: 'object',
  required: ['type', 'title', 'status', 'detail', 'code', 'retryable', 'outcome'],
  properties: {
    type: { type: 'string', examples: ['urn:polyb:problem:quiet-hours'] },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    code: { type: 'string', enum: Object.keys(codes) },
    reason: { type: 'string', description: 'Refines the code; the operation lists its reasons.' },
    data: { description: 'Schema given by the operation that declares the reason.' },
    retryable: { type: 'boolean' },
    retryAfterMs: { type: 'integer' },
    outcome: { type: 'string', enum: ['not_executed', 'unknown'] },
  },
};

/** Custom keywords get the prefix reserved for extensions. */
export function extended(schema: JsonSchema): Json {
  const convert = (value: unknown, isSchema: boolean): unknown => {
    if (Array.isArray(value)) return value.map((item) => convert(item, isSchema));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, child]) => {
        if (!isSchema) return [name, convert(child, true)];
        if (name === 'pii' || name === 'bounded' || name === 'open') return [`x-${name}`, child];
        if (name === 'properties' || name === '$defs') return [name, convert(child, false)];
        return [name, literal.has(name) ? child : convert(child, true)];
      }),
    );
  };
  return convert(schema, true) as Json;
}
/** Keywords that contain values, not schemas. */
const literal = new Set(['default', 'examples', 'const', 'enum', 'required']);
