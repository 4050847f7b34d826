/** Personal data is blanked soon after a row ended, the row goes later. */
import { mask } from '../../contracts/kit/describe.ts';
import { every, type Loop } from '../service.ts';
import type { Store } from './store.ts';

/** The JSON Schemas by which the rows of a method are masked. */
export interface Masked {
  readonly method: string;
  readonly input: object;
  readonly output: object;
}

/** An hourly job for every row and event of the journal, whichever service made it and whether or not one serves it now.
 *  A row of a method whose schema is not known is blanked whole. */
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
