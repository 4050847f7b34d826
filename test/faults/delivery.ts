/** The adapter under the deliveries: one effect in three policies, with a gate between the taken attempt and its first byte. */
import { z } from 'zod';
import type { Http } from '../../adapters/deps.ts';
import { httpFailure } from '../../adapters/http-failure.ts';
import { claim, type Effect, lookUp, type OnUnknown, review } from '../../contracts/kit/define.ts';
import { Delivered, type deliver, type Policy } from './work.ts';

export const deliverySettings = z.object({
  PROVIDER_URL: z.string().max(100),
  DELIVERY_SETTLE_MS: z.coerce.number(),
  DELIVERY_HTTP_MS: z.coerce.number(),
});
type Deliver = (typeof deliver)[Policy];
export interface Delivery {
  readonly effects: Readonly<Record<Policy, Effect<Deliver>>>;
  /** Tells the provider that something was begun. */
  begun(item: string, at: number, signal: AbortSignal): Promise<void>;
}

/** What stops or kills this process between the committed attempt and its first byte, once, when the runner has asked for it. */
export interface Gate {
  pass(): Promise<void>;
}

export function delivery(
  options: z.output<typeof deliverySettings>,
  { http, gate }: { readonly http: Http; readonly gate: Gate },
): Delivery {
  const { PROVIDER_URL: url, DELIVERY_SETTLE_MS: settleMs, DELIVERY_HTTP_MS: timeoutMs } = options;
  const post = (posted: { ref: string; item: string; body: string; claim: boolean }, signal: AbortSignal) =>
    http({ method: 'POST', url, body: JSON.stringify({ ...posted, pid: process.pid }), signal, timeoutMs });

  const effect = (onUnknown: OnUnknown<Deliver>): Effect<Deliver> => ({
    async attempt({ item, body }, { ref, signal }) {
      await gate.pass();
      const answer = await post({ ref, item, body, claim: onUnknown.do === 'claim' }, signal);
      if (answer.status !== 200) throw httpFailure(answer, 'The delivery');
      return Delivered.parse(answer.json());
    },
    onUnknown,
  });
  const find = async ({ ref }: { ref: string }, signal: AbortSignal) => {
    const answer = await http({ method: 'GET', url: `${url}/?ref=${encodeURIComponent(ref)}`, signal, timeoutMs });
    if (answer.status === 404) return null;
    if (answer.status !== 200) throw httpFailure(answer, 'The look-up');
    return Delivered.parse(answer.json());
  };
  return {
    effects: { reviewed: effect(review), looked_up: effect(lookUp(settleMs, find)), claimed: effect(claim(settleMs)) },
    async begun(item, at, signal) {
      const answer = await post({ ref: `${item} ${at}`, item, body: String(at), claim: false }, signal);
      if (answer.status !== 200) throw httpFailure(answer, 'The note');
    },
  };
}
