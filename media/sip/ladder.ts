/** Draws the messages of a call as a ladder: this side on the left, each peer with its own line. Shows no numbers or names. */

import { sdpOf } from './body.ts';
import { cseq, numberOf, reasonPhrase, type SipMessage } from './message.ts';
import { directionOf, parseSdp } from './sdp.ts';

export interface LadderStep {
  readonly atMs: number;
  readonly isSent: boolean;
  /** Address and port of the peer. */
  readonly peer: string;
  /** From `ladderLabel`. */
  readonly label: string;
}

/** Label of a message without personal data: method or status, CSeq, and whether it describes media. */
export function ladderLabel(message: SipMessage): string {
  const { number, method } = cseq(message) ?? { number: 0, method: '' };
  const named = method.slice(0, 12);
  const sdp = sdpOf(message);
  const described = sdp === null ? null : parseSdp(sdp);
  const [line] = described?.media ?? [];
  const direction = described && line ? directionOf(described, line) : null;
  const media = sdp === null ? '' : direction === null || direction === 'sendrecv' ? ' SDP' : ` SDP ${direction}`;
  const rseq = numberOf(message, 'RSeq');
  // The reason phrase of a peer may contain anything.
  const first = message.kind === 'request' ? named : `${message.status} ${reasonPhrase(message.status)}`;
  return `${first}${media}${rseq === null ? '' : ` rel ${rseq}`} (${message.kind === 'request' ? number : `${number} ${named}`})`;
}

const timeWidth = 9;
const leastGap = 24;

/** @param given in any order, since several processes may have stored them */
export function drawLadder(given: readonly LadderStep[]): string {
  const steps = given.toSorted((a, b) => a.atMs - b.atMs);
  const peers = [...new Set(steps.map(({ peer }) => peer))];
  const gap = Math.max(leastGap, ...steps.map(({ label }) => label.length + 6), ...peers.map((peer) => peer.length + 4));
  const columns = peers.length + 1;
  const blank = (): string[] => Array.from({ length: columns * gap }, (_, at) => (at % gap === 0 ? '│' : ' '));
  const title = ['us', ...peers].map((name) => name.padEnd(gap)).join('');
  const began = steps[0]?.atMs ?? 0;
  const rows = steps.map(({ atMs, isSent, peer, label }) => {
    const end = (peers.indexOf(peer) + 1) * gap;
    const row = blank();
    for (let at = 1; at < end; at += 1) row[at] = '─';
    row[isSent ? end - 1 : 1] = isSent ? '>' : '<';
    // Next to this side's line, where reading begins.
    for (const [at, letter] of [...` ${label} `].entries()) row[at + 3] = letter;
    const time = `${((atMs - began) / 1_000).toFixed(3)} s`.padStart(timeWidth);
    return `${time}  ${row.join('')}`.trimEnd();
  });
  return [`${' '.repeat(timeWidth)}  ${title}`.trimEnd(), ...rows, ''].join('\n');
}
