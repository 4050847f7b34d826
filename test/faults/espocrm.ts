/** The stand-in for EspoCRM in a process of its own: some of its answers are slow, some are lost after the record was made. The effects file is the argument. */
import { espoFake } from '../../adapters/vendors/espocrm/fake.ts';

const fake = await espoFake({ effects: String(process.argv[2]) });
fake.order({ do: 'cut', on: 'POST', executes: true, share: 0.08, times: 1_000_000 });
fake.order({ do: 'slow', on: 'POST', ms: 250, share: 0.5, times: 1_000_000 });
process.on('disconnect', () => process.exit(0));
process.send?.({ ready: fake.url });
