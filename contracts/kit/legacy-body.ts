/** Brings a body from before PolyB to a method's own fields. No schema is needed, so the command line does it too. */

import type { Alias } from './define.ts';

/** The value at a dotted path; undefined where there is none. */
function at(body: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>(
      (value, name) =>
        typeof value === 'object' && value !== null && Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined,
      body,
    );
}

/**
 * Picks `fields` (the method's field ← dotted path in the old body) and leaves the rest of the body out.
 * A body that holds nothing at a path which differs from its field is taken as the method's own, and comes back as it is.
 */
export function reshape(fields: Readonly<Record<string, string>>, body: unknown): unknown {
  const isOld = Object.entries(fields).some(([field, path]) => path !== field && at(body, path) !== undefined);
  if (!isOld) return body;
  return Object.fromEntries(
    Object.entries(fields)
      .map(([field, path]) => [field, at(body, path)] as const)
      .filter(([, value]) => value !== undefined),
  );
}

/** An alias without its schemas, as `contracts.json` holds it. */
export interface AliasFact {
  readonly from: string;
  readonly to: string;
  readonly port?: number;
  readonly fields?: Readonly<Record<string, string>>;
  readonly fixed?: Readonly<Record<string, unknown>>;
  readonly defaults?: Readonly<Record<string, unknown>>;
}

export function aliasFact({ from, to, port, fields, fixed, defaults }: Alias): AliasFact {
  return {
    from,
    to: to.address,
    ...(port === undefined ? {} : { port }),
    ...(fields === undefined ? {} : { fields }),
    ...(fixed === undefined ? {} : { fixed }),
    ...(defaults === undefined ? {} : { defaults }),
  };
}

/** The body in the method's own fields, with what the alias implies. A body that is no object comes back as it is. */
export function applyShape({ fields, fixed, defaults }: Pick<Alias, 'fields' | 'fixed' | 'defaults'>, body: unknown): unknown {
  const given = fields === undefined ? body : reshape(fields, body);
  if ((fixed === undefined && defaults === undefined) || typeof given !== 'object' || given === null) return given;
  return { ...defaults, ...given, ...fixed };
}

/** The method that `name` means, and the body in that method's fields. A method's own name takes the bodies of its bus aliases as well. */
export function resolve(facts: readonly AliasFact[], name: string, body: unknown): { readonly address: string; readonly body: unknown } {
  const address = facts.find(({ from }) => from === name)?.to ?? name;
  const isRoute = name.includes(' ');
  const shapes = facts.filter(({ from, to, fields }) => (isRoute ? from === name : to === address && fields && !from.includes(' ')));
  return { address, body: shapes.reduce((given, { fields, fixed, defaults }) => applyShape({ fields, fixed, defaults }, given), body) };
}
