import type { calls } from '../../../contracts/calls.ts';
import type { OutputOf } from '../../../contracts/kit/define.ts';
import { readCatalogue } from '../../../scripts/cli/kernel/catalogue.ts';
import type { Connected } from '../../../scripts/cli/kernel/connect.ts';
import { refusal } from '../../../scripts/cli/kernel/failure.ts';
import { openEntry } from '../../../scripts/cli/kernel/stream.ts';

type Call = OutputOf<typeof calls.get_call>;

/** Yields the call now and after each change, until it has ended. */
export async function* watchCall({ bus }: Pick<Connected, 'bus'>, callId: string, signal: AbortSignal): AsyncGenerator<Call> {
  const entry = (await readCatalogue()).entries['calls.watch_call'];
  if (entry === undefined) throw refusal('unimplemented', 'these contracts have no calls.watch_call', { next: ['polyb docs build'] });
  yield* openEntry<Call>(bus, entry, { callId }, { signal });
}
