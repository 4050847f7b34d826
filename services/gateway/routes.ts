/** HTTP routes, as the contracts' `http` fields and the table of aliases say. */
import { oldPorts } from '../../contracts/aliases.ts';
import type { Alias, Contract, Entry, Method, Scope } from '../../contracts/kit/define.ts';
import { type JsonSchema, jsonSchema } from '../../contracts/kit/describe.ts';

export interface HttpRoute {
  readonly verb: string;
  /** `/api/v1/calls/{callId}` */
  readonly path: string;
  readonly method: Method;
  /** What an API key must allow. */
  readonly scope: Scope | 'none';
  /** Set when the route is an older name. */
  readonly alias: Alias | undefined;
  /** What a caller may send, as JSON Schema. */
  readonly input: JsonSchema;
  /** The answer is a page of a list, and the next one is asked for with `cursor`. */
  readonly isPaged: boolean;
}

/** What `caller` may ask for: its bus permissions follow from it. Its own contract is not among it. */
export function callableBy(caller: string, contracts: readonly Contract[]): readonly Method[] {
  return contracts
    .flatMap((contract): readonly Entry[] => Object.values(contract))
    .filter((entry): entry is Method => entry.kind === 'method')
    .filter(({ service, roles }) => service !== caller && (roles === undefined || roles.includes(caller)));
}

/** One route a method, then its older names. @throws TypeError for two methods on one route. */
export function routesOf(methods: readonly Method[], aliases: readonly Alias[]): readonly HttpRoute[] {
  const known = new Set(methods);
  const routes = new Map<string, HttpRoute>();
  for (const method of methods) add(routeOf(method, method.http.route, undefined));
  for (const alias of aliases) if (alias.from.includes(' ') && known.has(alias.to)) add(routeOf(alias.to, alias.from, alias));
  return [...routes.values()];

  function add(route: HttpRoute): void {
    const shape = `${route.verb} ${route.path.replace(/\{\w+\}/g, '{}')}`;
    const other = routes.get(shape);
    if (other !== undefined && other.method !== route.method)
      throw new TypeError(`${shape} is claimed by ${other.method.address} and by ${route.method.address}`);
    if (other === undefined) routes.set(shape, route);
  }
}

/** What the program that had this port before PolyB offers. */
export function routesOfPort(routes: readonly HttpRoute[], port: number): readonly HttpRoute[] {
  const services = oldPorts[port] ?? [];
  return routes.filter(({ method, alias }) => services.includes(method.service) && (alias?.port ?? port) === port);
}

function routeOf(method: Method, route: string, alias: Alias | undefined): HttpRoute {
  const [verb = '', path = ''] = route.split(' ');
  return {
    verb,
    path,
    method,
    scope: alias?.scope ?? scopeOf(method),
    alias,
    // Made when they are first needed: most routes of most days are asked for by nobody.
    get input() {
      return jsonSchema(method.input, 'input');
    },
    get isPaged() {
      if (verb !== 'GET' || this.input.properties?.cursor === undefined) return false;
      return jsonSchema(method.output, 'output').properties?.nextCursor !== undefined;
    },
  };
}

function scopeOf({ http, roles, idempotency }: Method): Scope | 'none' {
  if (http.scope !== undefined) return http.scope;
  if (http.body === 'raw') return 'none';
  return roles !== undefined ? 'admin' : idempotency === 'read' ? 'read' : 'send';
}
