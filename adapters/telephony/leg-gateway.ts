import type { ParsedOf } from '../../contracts/kit/define.ts';
import type { telephony } from '../../contracts/telephony.ts';
import type { LegHost as Host, Leg, TrunkState } from './port.ts';

export type Dial = ParsedOf<typeof telephony.dial>;

/** Reports from a gateway with held legs to the service. */
export interface LegHost extends Pick<Host, 'changed' | 'offered' | 'answered' | 'saved' | 'traced'> {
  /** The leg exists and can be acted upon; called before anything is sent to the phone, so that no change comes earlier. */
  held(leg: Leg): void;
  /** Ids for a new inbound leg and its call. */
  identify(): { readonly legId: string; readonly callId: string };
  /**
   * Stores the data that another instance needs to end the leg if this process dies. Await it before a change that must not come earlier.
   */
  save(legId: string, data: unknown): void | Promise<void>;
}
export interface LegServer {
  /**
   * Dials. Changes of the leg are reported to the host; using a `legId` twice is an error of the caller.
   * @throws PolybError with outcome `not_executed` if the gateway refused; anything else means that the phone may ring.
   */
  place(dial: Dial, at: { readonly legId: string; readonly signal: AbortSignal }): Promise<void>;
  leg(legId: string): Leg | undefined;
  /** Ends, at the network, a leg held by a dead process. A leg that is already gone is not an error. */
  abandon(leg: { readonly legId: string; readonly data: unknown }, signal: AbortSignal): Promise<void>;
  trunks(): readonly TrunkState[];
  /** Accepts no new legs; resolves when the last one has ended. @throws the reason of the signal */
  drain(signal: AbortSignal): Promise<void>;
  /** Ends all legs. */
  close(): Promise<void>;
}
/** A gateway whose legs carry media. */
export interface LegGateway {
  start(host: LegHost): Promise<LegServer>;
}
