/** A phone within this process; the talk runs on its leg as on one of a gateway. */

import { createOutbox } from '../../../adapters/outbox.ts';
import { createFrameClock } from '../../../adapters/telephony/frame-clock.ts';
import { createLoopbackLeg, type FarPhone } from '../../../adapters/telephony/loopback-leg.ts';
import type { MediaFact } from '../../../adapters/telephony/port.ts';
import type { Bus } from '../../../bus/service.ts';
import { telephony } from '../../../contracts/telephony.ts';

type SpeakerItem = { readonly id: string; readonly audio: Uint8Array } | { readonly clear: true } | { readonly mark: string };
interface Options {
  readonly signal: AbortSignal;
}
export interface LocalLeg {
  readonly phone: FarPhone;
  /** The bus, on which this leg takes the place of telephony. */
  readonly bus: Pick<Bus, 'open' | 'call'>;
  /** Both sides so far in G.711, equally long. */
  recorded(): { readonly customer: Uint8Array; readonly agent: Uint8Array };
  /** Time since the agent last spoke, in ms; null before its first word. */
  quietMs(): number | null;
}
const silence = new Uint8Array(160).fill(0xff);

/** @param bus serves everything except the leg */
export function localLeg(legId: string, bus: Pick<Bus, 'open' | 'call'>): LocalLeg {
  const clock = createFrameClock();
  const media = createOutbox<Uint8Array | MediaFact>();
  const sides = { customer: [] as Uint8Array[], agent: [] as Uint8Array[] };
  const now: { customer: Uint8Array | null; agent: Uint8Array | null } = { customer: null, agent: null };
  let spokeAt: number | null = null;
  const leg = createLoopbackLeg({
    ...{ legId, callId: legId, direction: 'in', from: null, to: null, clock, now: Date.now, ended: () => {} },
    host: { changed: () => {}, answered: () => {} },
  });
  leg.media.listen({
    frame(audio) {
      now.customer = audio;
      media.put(audio);
    },
    fact: media.put,
  });
  leg.phone.hear((audio) => {
    now.agent = audio;
    spokeAt = performance.now();
  });
  let stop = (): void => {};
  leg.phone.onChange(() => {
    if (leg.phone.state !== 'ended') return;
    stop();
    media.end();
  });
  leg.phone.ring();
  void leg.answer(AbortSignal.abort()); // it answers at once
  // After the leg's own tick, record what it moved.
  const record = (): void => {
    for (const side of ['customer', 'agent'] as const) {
      sides[side].push(now[side] ?? silence);
      now[side] = null;
    }
  };
  stop = clock.every(record);

  async function* held(up: AsyncIterable<SpeakerItem>, signal: AbortSignal): AsyncGenerator<Uint8Array | MediaFact> {
    const hangUp = (): void => leg.phone.hangUp();
    signal.addEventListener('abort', hangUp, { once: true });
    void (async () => {
      for await (const item of up) {
        if (leg.hasEnded) return;
        if ('clear' in item) leg.media.clear();
        else if ('mark' in item) leg.media.mark(item.mark);
        else leg.media.play(item);
      }
    })().catch(hangUp);
    yield* media;
  }
  const rest = bus as unknown as { open(...given: readonly unknown[]): unknown; call(...given: readonly unknown[]): Promise<unknown> };
  const open = (stream: unknown, input: unknown, up: AsyncIterable<SpeakerItem>, options: Options): unknown =>
    stream === telephony.media ? held(up, options.signal) : rest.open(stream, input, up, options);
  const call = async (method: unknown, input: unknown, options: Options): Promise<unknown> => {
    if (method === telephony.record) return { recordingId: null };
    if (method !== telephony.hang_up) return await rest.call(method, input, options);
    return await leg.hangUp(options.signal);
  };
  return {
    phone: leg.phone,
    // The streams and methods of a talk.
    bus: { open: open as unknown as Bus['open'], call: call as unknown as Bus['call'] },
    recorded: () => ({ customer: Buffer.concat(sides.customer), agent: Buffer.concat(sides.agent) }),
    quietMs: () => (spokeAt === null ? null : performance.now() - spokeAt),
  };
}
