import { createHttp } from '../../adapters/http.ts';
import { isPolybError } from '../../contracts/kit/errors.ts';
import { bellman } from './bellman.ts';
import { startGateway } from './gateway.ts';

await using gateway = await startGateway('secret');
const http = createHttp({ allowPrivate: [gateway.url] });
const { dial } = bellman({ BELLMAN_URL: gateway.url, BELLMAN_TOKEN: 'secret' }, { http });
const signal = AbortSignal.timeout(10_000);

// In a service the journal does this: it commits the attempt before the first byte is sent, and looks the effect up when its outcome is unknown.
for (const [ref, fault] of [['call_1'], ['call_2', 'refuse'], ['call_3', 'lose_answer']] as const) {
  if (fault !== undefined) gateway.order(fault);
  console.log(`${ref}: ${await attempt(ref)}`);
}
console.log(`dialled: ${[...gateway.rung.keys()].join(', ')}`);
await http.close();

async function attempt(ref: string): Promise<string> {
  const input = { callId: ref, to: '+79995553322' };
  const attemptedAt = Date.now();
  try {
    const { legId } = await dial.attempt(input, { ref, signal });
    return `rings as ${legId}`;
  } catch (error) {
    if (!isPolybError(error)) throw error;
    if (error.outcome === 'not_executed') return `${error.reason}: not dialled; the attempt may be repeated`;
    if (dial.onUnknown.do !== 'look_up') return 'unknown: a person decides';
    const found = await dial.onUnknown.find({ ref, input, attemptedAt }, signal);
    return found === null
      ? 'unknown, and not found: the attempt may be repeated'
      : `unknown, then found as ${found.legId}: not dialled twice`;
  }
}
