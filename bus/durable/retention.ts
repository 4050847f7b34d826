/** Personal data is blanked soon after a row ended, the row goes later. */
import { mask } from '../../contracts/describe.ts';
import { every, type Loop } from '../service.ts';
import type { Store } from './store.ts';

/** The JSON Schemas by which the rows of a method are masked. */
export interface Masked {
  readonly method: string;
  readonly input: object;
  readonly output: object;
}

/** An hourly job for the rows of the given methods, and for events where `ownsEvents` says so. */
export function retention({
  schemas,
  store,
  keepDays,
  blankAfterDays,
  ownsEvents,
}: {
  schemas: readonly Masked[];
  store: Store;
  keepDays: number;
  blankAfterDays: number;
  ownsEvents: boolean;
}): Loop {
  const byMethod = new Map(schemas.map((of) => [of.method, of]));
  const methods = [...byMethod.keys()];
  const masked = (schema: object | undefined, value: unknown): unknown =>
    schema === undefined || value === null ? null : mask(schema, value);
  return every('retention', '23 * * * *', async (signal) => {
    for (;;) {
      signal.throwIfAborted();
      const rows = await store.journal.toBlank(methods, blankAfterDays);
      if (rows.length === 0) break;
      await store.journal.blank(
        rows.map(({ id, method, input, output }) => {
          const of = byMethod.get(method);
          return { id, method, input: masked(of?.input, input), output: masked(of?.output, output) };
        }),
      );
    }
    while ((await store.journal.retain(methods, keepDays)) > 0) signal.throwIfAborted();
    if (ownsEvents) await store.journal.forgetEvents(keepDays);
  });
}
