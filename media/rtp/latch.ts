/**
 * The address from which the audio of a call comes and to which it goes. Behind a NAT it differs from the signalled one, so the first
 * source that sends is taken (symmetric RTP, RFC 4961), and from then on no other.
 * - signalled: the address of the SDP
 * - probation: packets in sequence before an unsignalled address is taken
 */
import { sequenceAfter } from './packet.ts';

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}
export interface Latch {
  /** Notes a new negotiation: the source may change once more. */
  expect(remote: Endpoint | null): void;
  /** Whether a packet of this source belongs to the call. */
  accepts(from: Endpoint, packet: { readonly ssrc: number; readonly sequence: number }): boolean;
  /** Where to send; null if unknown. */
  target(): Endpoint | null;
  /** Whether control packets from this address belong to the call; their port differs. */
  isPeer(address: string): boolean;
}

const probationPackets = 3;
/** Maximum sources in probation at a time. */
const mostCandidates = 4;

export function createLatch(): Latch {
  let remote: Endpoint | null = null;
  /** The signalled address, and the source before a negotiation that names the same address again. */
  let known: readonly Endpoint[] = [];
  let latched: Endpoint | null = null;
  let candidates: readonly { readonly from: Endpoint; readonly ssrc: number; readonly sequence: number; readonly count: number }[] = [];

  const isKnown = (from: Endpoint) => known.some((each) => same(each, from));
  const passesProbation = (from: Endpoint, { ssrc, sequence }: { readonly ssrc: number; readonly sequence: number }) => {
    const before = candidates.find((each) => same(each.from, from));
    const follows = before !== undefined && before.ssrc === ssrc && sequenceAfter(sequence, before.sequence) === 1;
    const count = follows ? before.count + 1 : 1;
    candidates = [...candidates.filter((each) => each !== before), { from, ssrc, sequence, count }].slice(-mostCandidates);
    return count >= probationPackets;
  };
  return {
    expect(next) {
      const isSame = remote !== null && next !== null && same(remote, next);
      known = [...(next ? [next] : []), ...(isSame && latched && !same(latched, next) ? [latched] : [])];
      remote = next;
      latched = null;
      candidates = [];
    },
    accepts(from, packet) {
      if (latched !== null && same(latched, from)) return true;
      // The signalled address outranks one that merely came first.
      const mayMove = latched === null || !isKnown(latched);
      if (!mayMove || !(isKnown(from) || (latched === null && passesProbation(from, packet)))) return false;
      latched = { address: from.address, port: from.port };
      candidates = [];
      return true;
    },
    target: () => latched ?? known.at(-1) ?? null,
    isPeer: (address) => (latched === null ? known.some((each) => each.address === address) : latched.address === address),
  };
}

const same = (a: Endpoint, b: Endpoint) => a.port === b.port && a.address === b.address;
