/** Connects a leg of this instance with a leg held by another instance; the audio travels over the bus. */
import type { Leg } from '../../adapters/telephony/port.ts';
import type { Bus, Log } from '../../bus/service.ts';
import { telephony } from '../../contracts/telephony.ts';

export interface LegsElsewhere {
  /** Drops what the leg plays. @throws PolybError not_found if no instance holds it */
  reach(legId: string, signal: AbortSignal): Promise<void>;
  /** Both people hear each other until either leg ends; then the other one is hung up. */
  connect(leg: Leg, otherLegId: string): void;
  /** The leg of this instance has ended. No effect on a leg that is not connected here. */
  part(legId: string): void;
}
const hangUpMs = 5_000;
/** One second of audio not yet taken by the bus; more would be stale on arrival. */
const mostFrames = 50;

export function legsElsewhere(bus: Pick<Bus, 'call' | 'open'>, log: Log): LegsElsewhere {
  const parting = new Map<string, () => void>();

  async function forward(leg: Leg, otherLegId: string, signal: AbortSignal): Promise<void> {
    const spoken: Uint8Array[] = [];
    let wake = (): void => {};
    const leave = leg.media.listen({
      frame(audio) {
        if (spoken.push(audio) > mostFrames) spoken.shift();
        wake();
      },
      fact() {},
    });
    signal.addEventListener('abort', () => wake(), { once: true });
    async function* frames() {
      while (!signal.aborted) {
        for (const audio of spoken.splice(0)) yield { id: 'forwarded', audio };
        if (spoken.length > 0) continue;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
    try {
      for await (const item of bus.open(telephony.media, { legId: otherLegId }, frames(), { signal }))
        if (item instanceof Uint8Array) leg.media.play({ id: 'forwarded', audio: item });
    } finally {
      leave();
      wake();
    }
  }
  return {
    async reach(legId, signal) {
      await bus.call(telephony.stop, { legId }, { signal });
    },
    connect(leg, otherLegId) {
      const over = new AbortController();
      parting.get(leg.legId)?.();
      leg.media.clear();
      let hasEnded = false;
      parting.set(leg.legId, () => {
        hasEnded = true;
        parting.delete(leg.legId);
        over.abort();
      });
      void last();

      async function last(): Promise<void> {
        const { legId } = leg;
        try {
          await forward(leg, otherLegId, over.signal);
        } catch (err) {
          if (!hasEnded) log.warn({ err, legId }, 'two connected legs of different instances lost each other');
        }
        const signal = AbortSignal.timeout(hangUpMs);
        try {
          if (hasEnded) await bus.call(telephony.hang_up, { legId: otherLegId }, { signal });
          else await leg.hangUp(signal);
        } catch (err) {
          log.info({ err, legId }, 'the leg that was connected with one that ended could not be hung up');
        }
      }
    },
    part: (legId) => parting.get(legId)?.(),
  };
}
