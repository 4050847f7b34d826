/** The bus interface of contracts as an AsyncAPI 3.0 document. */
import type { ContractsFile, EntryFact } from './exported.ts';
import { extended, problemSchema } from './openapi.ts';
import type { JsonSchema } from './schema.ts';

type Json = Readonly<Record<string, unknown>>;
/** The channels, messages and operations of one entry. */
interface Parts {
  readonly channels: Json;
  readonly operations: Json;
}

/**
 * A method is a channel that a service receives on, with a reply; an event is a channel it sends to; a stream opens like a method
 * and continues on its own subjects. A reply channel has no address: the caller names its inbox in the request.
 */
export function asyncApi(contracts: ContractsFile, info: { readonly version: string; readonly prefix?: string }): Json {
  const prefix = info.prefix ?? 'polyb';
  const all = Object.values(contracts.entries).map((entry) => partsOf(entry, prefix));
  return {
    asyncapi: '3.0.0',
    'x-generated': contracts.$comment,
    info: { title: 'PolyB on the bus', version: info.version, license: { name: 'MIT', url: 'https://opensource.org/license/mit' } },
    defaultContentType: 'application/json',
    servers: { local: { host: '127.0.0.1:4222', protocol: 'nats', description: 'The bus that `polyb up` starts.' } },
    channels: Object.assign({}, ...all.map(({ channels }) => channels)) as Json,
    operations: Object.assign({}, ...all.map(({ operations }) => operations)) as Json,
    components: {
      schemas: { Headers: headers, KeyedHeaders: keyedHeaders, ErrorHeaders: errorHeaders, Problem: problemSchema },
      messages: {
        Error: { title: 'Failure', headers: ref('components/schemas/ErrorHeaders'), payload: ref('components/schemas/Problem') },
      },
      securitySchemes: {
        user: { type: 'userPassword', description: 'Each service has its own bus user, whose permissions list the methods it may call.' },
      },
    },
  };
}

const headers = {
  type: 'object',
  description: 'Written in lower case, read in any case.',
  properties: {
    traceparent: { type: 'string', description: 'W3C trace context.' },
    'polyb-timeout-ms': { type: 'string', description: 'Time left, reduced at each hop.' },
    'polyb-sent-at': { type: 'string', description: 'Unix ms.' },
    'content-type': { type: 'string', description: 'application/msgpack when the body is not JSON.' },
  },
};
const keyedHeaders = {
  type: 'object',
  properties: {
    ...headers.properties,
    'idempotency-key': { type: 'string', maxLength: 255, description: 'Idempotency key: a repeated request has the same key.' },
  },
};

const errorHeaders = {
  type: 'object',
  properties: {
    'Nats-Service-Error': { type: 'string', description: 'Message for people.' },
    'Nats-Service-Error-Code': { type: 'string', description: 'HTTP status of the code.' },
    'polyb-code': { type: 'string', description: 'Error code.' },
  },
};

function partsOf(entry: EntryFact, prefix: string): Parts {
  switch (entry.kind) {
    case 'method':
      return methodParts(entry, prefix);
    case 'event':
      return eventParts(entry, prefix);
    case 'stream':
      return streamParts(entry, prefix);
  }
}

const ref = (path: string): Json => ({ $ref: `#/${path}` });
const message = (title: string, payload: JsonSchema, of?: { readonly headers: string }): Json => ({
  title,
  ...(of === undefined ? {} : { headers: ref(`components/schemas/${of.headers}`) }),
  payload: extended(payload),
});
/** The subject of a request. Entries with roles require the subject that proves the caller; the others are also served at the plain subject. */
function requestAddress({ address, owner, roles }: EntryFact, prefix: string): string {
  return `${prefix}.rpc.${address}${owner === undefined ? '' : `.{${owner}}`}${roles === undefined ? '' : '.by.{user}'}`;
}
function requestParameters({ owner, roles }: EntryFact): Json {
  const parameters = {
    ...(owner === undefined ? {} : { [owner]: { description: 'Names the instance that replies.' } }),
    ...(roles === undefined ? {} : { user: { description: 'Bus user of the caller; the server allows it no other name.' } }),
  };
  return Object.keys(parameters).length === 0 ? {} : { parameters };
}
const security = [ref('components/securitySchemes/user')];
/** The holder of an object subscribes alone, outside the queue group. */
const queue = (entry: EntryFact): Json =>
  entry.owner === undefined ? { bindings: { nats: { queue: entry.service, bindingVersion: '0.1.0' } } } : {};

function methodParts(entry: EntryFact, prefix: string): Parts {
  const { address, input = {}, output = {}, idempotency } = entry;
  const id = idOf(entry);
  const requestHeaders = idempotency === 'keyed' ? 'KeyedHeaders' : 'Headers';
  return {
    channels: {
      [id]: {
        address: requestAddress(entry, prefix),
        title: address,
        description: entry.summary,
        ...requestParameters(entry),
        messages: { request: message(`${address} request`, input, { headers: requestHeaders }) },
      },
      [`${id}_reply`]: {
        title: `${address} reply`,
        messages: { reply: message(`${address} reply`, output), error: ref('components/messages/Error') },
      },
    },
    operations: {
      [id]: {
        action: 'receive',
        security,
        summary: entry.summary,
        channel: ref(`channels/${id}`),
        messages: [ref(`channels/${id}/messages/request`)],
        ...queue(entry),
        reply: {
          channel: ref(`channels/${id}_reply`),
          messages: ['reply', 'error'].map((name) => ref(`channels/${id}_reply/messages/${name}`)),
        },
      },
    },
  };
}

function eventParts(entry: EntryFact, prefix: string): Parts {
  const id = idOf(entry);
  return {
    channels: {
      [id]: {
        address: `${prefix}.evt.${entry.address}`,
        title: entry.address,
        description: entry.summary,
        messages: { event: message(entry.address, entry.payload ?? {}) },
      },
    },
    operations: {
      [id]: {
        action: 'send',
        security,
        summary: entry.summary,
        channel: ref(`channels/${id}`),
        messages: [ref(`channels/${id}/messages/event`)],
      },
    },
  };
}

function streamParts(entry: EntryFact, prefix: string): Parts {
  const { address, input = {}, up = {}, down = {} } = entry;
  const id = idOf(entry);
  const token = { token: { description: 'Chosen by the caller, one for each end of each stream.' } };
  const side = (name: 'up' | 'down', payload: JsonSchema) => ({
    address: `${prefix}.str.{token}`,
    title: `${address} ${name}`,
    parameters: token,
    messages: { item: message(`${address} ${name} item`, payload) },
  });
  return {
    channels: {
      [id]: {
        address: requestAddress(entry, prefix),
        title: address,
        description: entry.summary,
        ...requestParameters(entry),
        messages: { open: message(`${address} opening`, input, { headers: 'Headers' }) },
      },
      [`${id}_up`]: side('up', up),
      [`${id}_down`]: side('down', down),
    },
    operations: {
      [id]: {
        action: 'receive',
        security,
        summary: entry.summary,
        channel: ref(`channels/${id}`),
        messages: [ref(`channels/${id}/messages/open`)],
        ...queue(entry),
      },
      [`${id}_up`]: { action: 'receive', security, channel: ref(`channels/${id}_up`), messages: [ref(`channels/${id}_up/messages/item`)] },
      [`${id}_down`]: {
        action: 'send',
        security,
        channel: ref(`channels/${id}_down`),
        messages: [ref(`channels/${id}_down/messages/item`)],
      },
    },
  };
}

function idOf({ service, name }: EntryFact): string {
  return `${service}_${name}`;
}
