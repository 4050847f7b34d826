/** Blanks the personal data of a row soon after its end, and deletes the row later. */
import { mask } from '../../contracts/kit/describe.ts';
import { every, type Loop } from '../service.ts';
import type { Store } from './store.ts';

/** JSON Schemas that mask the rows of a method. */
export interface Masked {
  readonly method: string;
  readonly input: object;
  readonly output: object;
}

/** An hourly job for all rows and events of the journal, also those of services that no longer exist.
 *  A row of a method without a known schema is blanked whole. */
export function retention({ store, keepDays, blankAfterDays }: { store: Store; keepDays: number; blankAfterDays: number }): Loop {
  const { journal } = store;
  const masked = (schema: object | undefined, value: unknown): unknown =>
    schema === undefined || value === null ? null : mask(schema, value);

  async function blank(signal: AbortSignal): Promise<void> {
    const schemas = new Map((await journal.schemas()).map((of) => [of.method, of]));
    for (let rows = await journal.toBlank(blankAfterDays); rows.length > 0; rows = await journal.toBlank(blankAfterDays)) {
      signal.throwIfAborted();
      await journal.blank(
        rows.map(({ id, method, input, output }) => {
          const of = schemas.get(method);
          return { id, method, input: masked(of?.input, input), output: masked(of?.output, output) };
        }),
      );
    }
  }
  return every('retention', '23 * * * *', async (signal) => {
    await blank(signal);
    while ((await journal.retain(keepDays)) > 0) signal.throwIfAborted();
    while ((await journal.forgetEvents(keepDays)) > 0) signal.throwIfAborted();
  });
}
