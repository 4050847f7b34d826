/** Converts a former body to a method's fields. Needs no schema, so that the command line can use it. */

import type { Alias } from './define.ts';

/** The value at a dotted path; undefined if there is none. */
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
 * Picks `fields` (the method's field ← dotted path in the former body) and drops the rest of the body.
 * A body without a value at any path that differs from its field already has the method's fields; it is returned unchanged.
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

/** An alias without its schemas, as stored in `contracts.json`. */
export interface AliasFact {
  readonly from: string;
  readonly to: string;
  readonly port?: number;
  readonly fields?: Readonly<Record<string, string>>;
  readonly into?: string;
  readonly fixed?: Readonly<Record<string, unknown>>;
  readonly defaults?: Readonly<Record<string, unknown>>;
}

export function aliasFact({ from, to, port, fields, into, fixed, defaults }: Alias): AliasFact {
  return {
    from,
    to: to.address,
    ...(port === undefined ? {} : { port }),
    ...(fields === undefined ? {} : { fields }),
    ...(into === undefined ? {} : { into }),
    ...(fixed === undefined ? {} : { fixed }),
    ...(defaults === undefined ? {} : { defaults }),
  };
}

/**
 * The body in the method's fields, with the values that the alias implies. A body that is not an object is returned unchanged.
 * Defaults are those of the former body: where one is described, they do not apply to a body that has the method's fields.
 */
export function applyShape(
  { fields, into, fixed, defaults }: Partial<Pick<Alias, 'fields' | 'into' | 'fixed' | 'defaults'>>,
  body: unknown,
): unknown {
  const given = into !== undefined ? { [into]: body } : fields === undefined ? body : reshape(fields, body);
  if ((fixed === undefined && defaults === undefined) || typeof given !== 'object' || given === null) return given;
  return { ...(fields !== undefined && given === body ? {} : defaults), ...given, ...fixed };
}

/** The method for `name`, and the body in that method's fields. The method's own name also accepts the bodies of its bus aliases. */
export function resolve(facts: readonly AliasFact[], name: string, body: unknown): { readonly address: string; readonly body: unknown } {
  const address = facts.find(({ from }) => from === name)?.to ?? name;
  const isRoute = name.includes(' ');
  const shapes = facts.filter(({ from, to, fields }) => from === name || (!isRoute && to === address && fields && !from.includes(' ')));
  return { address, body: shapes.reduce((given, fact) => applyShape(fact, given), body) };
}
