import type { Leg } from './port.ts';

/** Forwards the audio of each leg to the other, across any gateways, and drops queued audio. Returns a function that disconnects them. */
export function bridge(one: Leg, other: Leg): () => void {
  const forward = (from: Leg, to: Leg): (() => void) =>
    from.media.listen({ frame: (audio) => to.media.play({ id: 'forwarded', audio }), fact() {} });
  for (const { media } of [one, other]) media.clear();
  const stops = [forward(one, other), forward(other, one)];
  return () => {
    for (const stop of stops) stop();
  };
}
