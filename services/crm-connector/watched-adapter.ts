/** An adapter whose requests are refused while its connection is paused, and recorded in the health of the service. */
import type { Dependency } from '../../bus/telemetry/dependencies.ts';
import { isEffect } from '../../contracts/kit/define.ts';

/** Functions that answer without a request. */
const local = ['capabilities'];

/** @param mayCall throws while the connection is paused */
export function watchedAdapter<T extends object>(adapter: T, dependency: Dependency, mayCall: () => Promise<void>): T {
  type Request = (...given: unknown[]) => Promise<unknown>;
  const guarded =
    (request: Request): Request =>
    async (...given) => {
      await mayCall();
      return dependency.watch(() => request(...given));
    };
  const parts = Object.entries(adapter).map(([name, part]) => {
    if (typeof part === 'function' && !local.includes(name)) return [name, guarded(part as Request)];
    if (!isEffect(part)) return [name, part];
    const { onUnknown } = part;
    const find = onUnknown.do === 'look_up' ? { onUnknown: { ...onUnknown, find: guarded(onUnknown.find as Request) } } : {};
    return [name, { ...part, attempt: guarded(part.attempt as Request), ...find }];
  });
  return Object.fromEntries(parts) as T; // The same names, each with the same shape.
}
