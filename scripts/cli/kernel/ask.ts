/** Calls a method for a command, whose errors it explains. */
import { isPolybError } from '../../../contracts/kit/errors.ts';
import { callable } from './catalogue.ts';
import type { Invocation } from './command.ts';
import { explain, lazyBus, resolveTarget } from './method.ts';

/** The service validates its answer against the contract, so its shape is what `T` says. */
export async function askMethod<T>(
  invocation: Pick<Invocation, 'flags' | 'signal' | 'env'>,
  address: string,
  input: object,
  options: { readonly key?: string } = {},
): Promise<T> {
  const { flags, signal } = invocation;
  await using line = lazyBus(invocation as Invocation);
  const { entry } = await resolveTarget(address, line.get);
  const { bus } = await line.get();
  try {
    return (await bus.request(callable(entry), input, { signal, timeoutMs: flags.ms('timeout'), ...options })) as T;
  } catch (error) {
    if (!isPolybError(error)) throw error;
    throw explain(error, entry, undefined);
  }
}
