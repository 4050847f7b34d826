/** `polyb emit`: an event into the journal, as a service's transaction would put it there. Its consumers handle it once each. */
import { openStore } from '../../../adapters/store/index.ts';
import { createBus } from '../../../bus/bus.ts';
import { transactions } from '../../../bus/durable/transaction.ts';
import { memoryBroker } from '../../../bus/transports/memory.ts';
import type { Event } from '../../../contracts/kit/define.ts';
import { quiet } from '../../../runtime/noop-log.ts';
import { readContracts } from '../docs/catalogue.ts';
import { catalogueOfCode } from '../kernel/catalogue.ts';
import type { Invocation } from '../kernel/command.ts';
import { confirm } from '../kernel/confirm.ts';
import { systemDatabaseUrl } from '../kernel/database-url.ts';
import { refusal, wrongUsage } from '../kernel/failure.ts';
import { makeInput } from '../kernel/input.ts';
import { bodyFrom } from '../kernel/method.ts';
import { nearest } from '../kernel/nearest.ts';

export async function emit({ args, flags, out, signal, env }: Invocation): Promise<number> {
  const [address, ...params] = args;
  if (address === undefined) throw wrongUsage('expected an event, e.g. crm.lead_created', { subject: 'emit', next: ['polyb help emit'] });
  const event = await findEvent(address);
  const catalogue = await catalogueOfCode();
  const described = catalogue.entries[address];
  if (described === undefined) throw new TypeError(`${address} is an entry of the code`);
  const entry = { ...described, input: described.payload ?? {} };
  const given = makeInput({ catalogue, entry, typed: address }, await bodyFrom(flags.text('data'), address), params);
  const payload = payloadOf(event, given);
  const url = systemDatabaseUrl({ flags, env }, 'emit');
  await confirm(`Every consumer of ${address} handles this event, which can reach a customer`, { out, signal, subject: 'emit' });
  const store = openStore({ url, name: 'polyb-emit', log: quiet, connections: 1 });
  // Nobody is told on the bus, where the operator may not speak for a service: consumers find the event by themselves.
  const bus = createBus({ transport: memoryBroker().connect('operator'), name: 'operator', log: quiet });
  try {
    await transactions({ store, bus, log: quiet }).run({ traceparent: null }, async (tx) => tx.emit(event, payload as never));
  } finally {
    await bus.close({ graceMs: 0 });
    await store.close();
  }
  await out.result({ event: address, payload });
  out.note(`${address} is stored in the journal; its consumers handle it within a second`, 'ok');
  return 0;
}

/** @throws not_found; failed_precondition for an event that only the journal may tell: it states what became of a row. */
async function findEvent(address: string): Promise<Event> {
  const events = (await readContracts()).flatMap((contract) => Object.values(contract)).filter((entry) => entry.kind === 'event');
  const event = events.find((each) => each.address === address);
  if (event === undefined) {
    const { entries } = await catalogueOfCode();
    if (entries[address]?.kind === 'event')
      throw refusal('failed_precondition', `${address} reports the end of a row, and only the journal emits it`, {
        subject: 'emit',
        effect: 'nothing_done',
      });
    const names = events.map((each) => each.address);
    throw refusal('not_found', `there is no event ${address}`, {
      subject: 'emit',
      effect: 'nothing_done',
      close: nearest(address, names),
      next: ["polyb listen '*'    shows events as they arrive"],
    });
  }
  return event;
}

function payloadOf(event: Event, given: unknown): unknown {
  const checked = event.payload.safeParse(given);
  if (checked.success) return checked.data;
  throw refusal('invalid_argument', 'the payload does not fit the contract', {
    subject: event.address,
    effect: 'nothing_done',
    issues: checked.error.issues.map(({ path, message }) => ({
      pointer: `/${path.join('/')}`,
      expected: message,
      given: 'another value',
    })),
    next: [`polyb describe ${event.address}`],
  });
}
