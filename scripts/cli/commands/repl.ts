/** `polyb repl`: JavaScript with the bus, the contracts and `call` at hand. */
import { start } from 'node:repl';
import type { CallOptions } from '../../../bus/service.ts';
import type { Contract } from '../../../contracts/kit/define.ts';
import { isPolybError } from '../../../contracts/kit/errors.ts';
import { readContracts } from '../docs/catalogue.ts';
import { callable } from '../kernel/catalogue.ts';
import type { Invocation } from '../kernel/command.ts';
import { connect } from '../kernel/connect.ts';
import { tell } from '../kernel/failure.ts';
import { allowReach, explain, fitInput, newKey, resolveTarget } from '../kernel/method.ts';

export async function repl(invocation: Invocation): Promise<number> {
  const { out, signal } = invocation;
  await using connected = await connect(invocation, { lasting: true });
  const { bus, server } = connected;
  const contracts = byName(await readContracts());
  // A question on the terminal would be read as JavaScript.
  const unasked = { ...invocation, out: { ...out, canAsk: false } };
  const call = async (address: string, input: unknown = {}, options: CallOptions & { readonly key?: string } = {}): Promise<unknown> => {
    const { entry, input: fitted } = await fitInput(await resolveTarget(address, async () => connected), input, []);
    await allowReach(unasked, entry);
    const key = options.key ?? (entry.idempotency === 'keyed' ? newKey() : undefined);
    try {
      return await bus.request(callable(entry), fitted, { signal, ...options, key });
    } catch (error) {
      if (!isPolybError(error)) throw error;
      const known = explain(error, entry, key);
      out.note(tell(known).join('\n'), 'bad');
      throw known;
    }
  };
  out.note(`connected to ${server}: await call('crm.find_contact', { phoneNumber: '+79995553322' }), contracts, bus, .exit`, 'ok');
  const session = start({ prompt: 'polyb> ', input: process.stdin, output: process.stdout, terminal: out.canAsk, preview: false });
  Object.assign(session.context, { bus, contracts, call });
  const ended = new Promise<void>((resolve) => session.once('exit', resolve));
  const stop = () => session.close();
  signal.addEventListener('abort', stop, { once: true });
  await ended;
  signal.removeEventListener('abort', stop);
  return 0;
}

/** `contracts.crm.push_to_crm`. */
function byName(contracts: readonly Contract[]): Readonly<Record<string, Contract>> {
  return Object.fromEntries(
    contracts.flatMap((contract) =>
      Object.values(contract)
        .slice(0, 1)
        .map(({ service }) => [service, contract]),
    ),
  );
}
