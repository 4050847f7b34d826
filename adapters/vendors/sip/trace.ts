/** Keeps the messages of calls for people: they are masked and stored in batches, some time after they were sent or received. */
import { maskPhone } from '../../../contracts/common.ts';
import { scrub } from '../../../contracts/kit/scrub.ts';
import { ladderLabel } from '../../../media/sip/ladder.ts';
import { type Masking, maskedText } from '../../../media/sip/masked-text.ts';
import { callId as callIdOf } from '../../../media/sip/message.ts';
import { formatHostPort } from '../../../media/sip/uri.ts';
import type { TracedMessage } from '../../../media/sip/user-agent.ts';
import type { Log } from '../../deps.ts';
import type { SignallingMessage } from '../../telephony/port.ts';

export interface SipTrace {
  /** Every message of the user agent; those of no call are left out. Costs a look-up. */
  note(message: TracedMessage): void;
  /** From then on, and for what has come already, messages with this Call-ID are those of the leg. */
  begin(callId: string, legId: string): void;
  /** Its last responses still come. */
  end(callId: string): void;
  /** Stores what is not stored yet. */
  flush(): Promise<void>;
}
interface Noted extends TracedMessage {
  /** Unix ms. */
  readonly at: number;
}
interface TracedLeg {
  readonly legId: string;
  kept: number;
  endedAt: number | null;
}
/** Messages of a leg, and characters of each. */
export const mostMessages = 200;
const mostCharacters = 4_000;
const flushMs = 250;
/** INVITEs whose leg does not exist yet, or never will; and messages of each. */
const [mostEarly, mostEarlyMessages] = [200, 10];
/** Transactions of an ended call last 32 s. */
const lingerMs = 40_000;

const masking: Masking = {
  user: (user) => (/^\+?\d{7,}$/.test(user) ? maskPhone(user) : `${/^[a-z]/i.test(user) ? user.slice(0, 1) : ''}***`),
  text: scrub,
};

export function sipTrace({
  store,
  now,
  log,
}: {
  readonly store: (messages: readonly SignallingMessage[]) => Promise<void>;
  readonly now: () => number;
  readonly log: Log;
}): SipTrace {
  const legs = new Map<string, TracedLeg>();
  const early = new Map<string, Noted[]>();
  const waiting: { readonly legId: string; readonly noted: Noted }[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  let last: Promise<void> = Promise.resolve();

  function keep(leg: TracedLeg, noted: Noted): void {
    leg.kept += 1;
    if (leg.kept > mostMessages) return;
    waiting.push({ legId: leg.legId, noted });
    timer ??= setTimeout(() => void flush(), flushMs);
  }
  function flush(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    for (const [id, { endedAt }] of legs) if (endedAt !== null && endedAt < now() - lingerMs) legs.delete(id);
    const batch = waiting.splice(0);
    if (batch.length > 0)
      last = last
        .then(() => store(batch.map(({ legId, noted }) => signalling(legId, noted))))
        .catch((err: unknown) => log.warn({ err }, 'messages of calls could not be stored; their traces are incomplete'));
    return last;
  }
  return {
    note(message) {
      const id = callIdOf(message.message);
      const noted = { ...message, at: now() };
      const leg = legs.get(id);
      if (leg !== undefined) return keep(leg, noted);
      const known = early.get(id);
      if (known !== undefined) {
        if (known.length < mostEarlyMessages) known.push(noted);
        return;
      }
      if (message.isSent || message.message.kind !== 'request' || message.message.method !== 'INVITE') return;
      const [oldest] = early.keys();
      if (early.size >= mostEarly && oldest !== undefined) early.delete(oldest);
      early.set(id, [noted]);
    },
    begin(callId, legId) {
      const leg: TracedLeg = { legId, kept: 0, endedAt: null };
      legs.set(callId, leg);
      for (const noted of early.get(callId) ?? []) keep(leg, noted);
      early.delete(callId);
    },
    end(callId) {
      const leg = legs.get(callId);
      if (leg !== undefined) leg.endedAt = now();
    },
    flush,
  };
}

function signalling(legId: string, { at, isSent, message, protocol, address, port }: Noted): SignallingMessage {
  const text = maskedText(message, masking).slice(0, mostCharacters);
  return { legId, at, isSent, protocol, peer: formatHostPort(address, port), label: ladderLabel(message), text };
}
