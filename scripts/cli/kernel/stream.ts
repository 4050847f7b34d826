import type { Stream } from '../../../contracts/kit/define.ts';
import type { EntryFact } from '../../../contracts/kit/describe.ts';
import type { Connected } from './connect.ts';

/** Opens a stream on which this side sends nothing. The service validates its items against the contract, so their shape is what `T` says. */
export async function* openEntry<T>(
  bus: Connected['bus'],
  entry: EntryFact,
  input: object,
  { signal }: { readonly signal: AbortSignal },
): AsyncGenerator<T> {
  // The caller's side of a stream reads its address and limits and no schema, so the catalogue's facts are enough of a stream.
  const stream = { ...entry, overflow: entry.overflow ?? 'wait', topic: undefined, limits: { concurrency: 256 } } as unknown as Stream;
  for await (const item of bus.open(stream, input, nothing(), { signal })) yield item as T;
}
async function* nothing(): AsyncGenerator<never> {}
