/** Calls methods for a command, whose errors it explains. */
import { isPolybError } from '../../../contracts/kit/errors.ts';
import { callable } from './catalogue.ts';
import type { Invocation } from './command.ts';
import type { Connected } from './connect.ts';
import { explain, lazyBus, resolveTarget } from './method.ts';

/** The service validates its answer against the contract, so its shape is what `T` says. */
export type Ask = <T>(address: string, input: object, options?: { readonly key?: string }) => Promise<T>;
type Needs = Pick<Invocation, 'flags' | 'signal' | 'env'>;

/** Several calls over one connection, which is opened by the first. */
export async function withAsk<T>(
  invocation: Needs,
  work: (ask: Ask, connected: () => Promise<Connected>) => Promise<T>,
  options?: { readonly lasting: boolean },
): Promise<T> {
  const { flags, signal } = invocation;
  await using line = lazyBus(invocation as Invocation, options);
  return await work(async <R>(address: string, input: object, how: { readonly key?: string } = {}): Promise<R> => {
    const { entry } = await resolveTarget(address, line.get);
    const { bus } = await line.get();
    try {
      return (await bus.request(callable(entry), input, { signal, timeoutMs: flags.ms('timeout'), ...how })) as R;
    } catch (error) {
      if (!isPolybError(error)) throw error;
      throw explain(error, entry, undefined);
    }
  }, line.get);
}

export const askMethod = <T>(invocation: Needs, address: string, input: object, options: { readonly key?: string } = {}): Promise<T> =>
  withAsk(invocation, (ask) => ask<T>(address, input, options));
