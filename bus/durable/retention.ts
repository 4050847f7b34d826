/** Personal data is blanked soon after a row ended, the row goes later. */
import type { Method } from '../../contracts/define.ts';
import { mask } from '../../contracts/describe.ts';
import { every, type Loop } from '../service.ts';
import type { Store } from './store.ts';

/** An hourly job for the rows of the given methods, and for events where `ownsEvents` says so. */
export function retention({
  methods,
  waitsFor,
  store,
  keepDays,
  blankAfterDays,
  ownsEvents,
}: {
  methods: readonly Method[];
  waitsFor: readonly string[];
  store: Store;
  keepDays: number;
  blankAfterDays: number;
  ownsEvents: boolean;
}): Loop {
  const byAddress = new Map(methods.map((method) => [method.address, method]));
  const addresses = [...byAddress.keys(), ...waitsFor.map((event) => `@${event}`), ...(waitsFor.length > 0 ? ['@delay'] : [])];
  return every('retention', '23 * * * *', async (signal) => {
    for (;;) {
      signal.throwIfAborted();
      const rows = await store.journal.toBlank(addresses, blankAfterDays);
      await store.journal.blank(
        rows.map(({ id, method: address, input, output }) => {
          const method = byAddress.get(address);
          return {
            id,
            method: address,
            input: method === undefined ? null : mask(method.input, input),
            output: method === undefined || output === null ? null : mask(method.output, output),
          };
        }),
      );
      if (rows.length === 0) break;
    }
    while ((await store.journal.retain(addresses, keepDays)) > 0) signal.throwIfAborted();
    if (ownsEvents) await store.journal.forgetEvents(keepDays);
  });
}
