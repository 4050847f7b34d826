/** HTTP routes, from the contracts' `http` fields and the table of aliases. */
import { oldPorts } from '../../contracts/aliases.ts';
import {
  type Alias,
  type Contract,
  type Entry,
  type Method,
  type PersonRole,
  personRoles,
  type Scope,
  type Stream,
  type StreamHttpShape,
} from '../../contracts/kit/define.ts';
import { type JsonSchema, jsonSchema } from '../../contracts/kit/describe.ts';

/** Roles that are shown personal data only where they ask for it, which is audited. */
export const isMaskedFor = (role: PersonRole): boolean => role === 'operator';
export interface HttpRoute {
  readonly verb: string;
  /** `/api/v1/calls/{callId}` */
  readonly path: string;
  readonly method: Method;
  /** Required API key scope. */
  readonly scope: Scope | 'none';
  /** Roles of people who may use it. */
  readonly people: readonly PersonRole[];
  /** Set if the route is an alias. */
  readonly alias: Alias | undefined;
  /** A former body that the method's own route also accepts. */
  readonly former: Alias | undefined;
  /** Accepted input, as JSON Schema. */
  readonly input: JsonSchema;
  /** The reply is a page of a list, and `cursor` requests the next one. */
  readonly isPaged: boolean;
}

/** A stream of a contract over HTTP. */
export interface StreamRoute extends Pick<HttpRoute, 'verb' | 'path' | 'scope' | 'people' | 'input'> {
  readonly method: Stream;
  readonly http: StreamHttpShape;
}

/** Streams with a route that `caller` may open. */
export function openableBy(caller: string, contracts: readonly Contract[]): readonly Stream[] {
  return contracts
    .flatMap((contract): readonly Entry[] => Object.values(contract))
    .filter((entry): entry is Stream => entry.kind === 'stream' && entry.http !== undefined)
    .filter(({ roles }) => roles === undefined || roles.includes(caller));
}
export function streamRoutesOf(streams: readonly Stream[]): readonly StreamRoute[] {
  return streams.flatMap((method) => {
    const { http, roles } = method;
    if (http === undefined) return [];
    const [verb = '', path = ''] = http.route.split(' ');
    const scope = http.scope ?? (roles === undefined ? 'read' : 'admin');
    const people = http.people ?? peopleOf[scope].filter((role) => !(isMaskedFor(role) && http.reply === 'stream'));
    return [{ verb, path, method, http, scope, people, input: jsonSchema(method.input, 'input') }];
  });
}

/** Methods that `caller` may call, from which its bus permissions follow. */
export function callableBy(caller: string, contracts: readonly Contract[]): readonly Method[] {
  return contracts
    .flatMap((contract): readonly Entry[] => Object.values(contract))
    .filter((entry): entry is Method => entry.kind === 'method')
    .filter(({ roles }) => roles === undefined || roles.includes(caller));
}

/** One route per method, then its aliases. @throws TypeError for two methods on one route. */
export function routesOf(methods: readonly Method[], aliases: readonly Alias[]): readonly HttpRoute[] {
  const known = new Set(methods);
  const routes = new Map<string, HttpRoute>();
  const isOwn = ({ from, to }: Alias) => from === to.http.route;
  for (const method of methods)
    add(
      routeOf(method, method.http.route, {
        former: aliases.find((alias) => alias.to === method && isOwn(alias)),
      }),
    );
  for (const alias of aliases)
    if (alias.from.includes(' ') && known.has(alias.to) && !isOwn(alias)) add(routeOf(alias.to, alias.from, { alias }));
  return [...routes.values()];

  function add(route: HttpRoute): void {
    const shape = `${route.verb} ${route.path.replace(/\{\w+\}/g, '{}')}`;
    const other = routes.get(shape);
    if (other !== undefined && other.method !== route.method)
      throw new TypeError(`${shape} is claimed by ${other.method.address} and by ${route.method.address}`);
    if (other === undefined) routes.set(shape, route);
  }
}

/** Routes of the former program on this port, and what its contracts have gained. */
export function routesOfPort(routes: readonly HttpRoute[], port: number): readonly HttpRoute[] {
  return ofPort(routes, port).filter(({ alias }) => (alias?.port ?? port) === port);
}
export const streamRoutesOfPort = (routes: readonly StreamRoute[], port: number): readonly StreamRoute[] => ofPort(routes, port);
function ofPort<R extends HttpRoute | StreamRoute>(routes: readonly R[], port: number): readonly R[] {
  const services = oldPorts[port] ?? [];
  return routes.filter(({ method }) => services.includes(method.service));
}

function routeOf(
  method: Method,
  route: string,
  { alias, former }: { readonly alias?: Alias; readonly former?: Alias | undefined },
): HttpRoute {
  const [verb = '', path = ''] = route.split(' ');
  const scope = alias?.scope ?? scopeOf(method);
  return {
    verb,
    path,
    method,
    scope,
    people: method.http.people ?? peopleOf[scope].filter((role) => !(isMaskedFor(role) && isUnmaskable(method))),
    alias,
    former,
    // Created on first use: most routes are rarely requested.
    get input() {
      return jsonSchema(method.input, 'input');
    },
    get isPaged() {
      if (verb !== 'GET' || this.input.properties?.cursor === undefined) return false;
      return jsonSchema(method.output, 'output').properties?.nextCursor !== undefined;
    },
  };
}

/** Bytes hide nothing. */
const isUnmaskable = ({ http: { reply } }: Method): boolean => reply === 'bytes' || reply === 'ranged';
const peopleOf: Readonly<Record<Scope | 'none', readonly PersonRole[]>> = {
  none: personRoles,
  read: personRoles,
  send: ['manager', 'director', 'admin'],
  admin: ['admin', 'operator'],
};
function scopeOf({ http, roles, idempotency }: Method): Scope | 'none' {
  if (http.scope !== undefined) return http.scope;
  if (http.body === 'raw') return 'none';
  return roles !== undefined ? 'admin' : idempotency === 'read' ? 'read' : 'send';
}
