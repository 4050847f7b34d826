/** What presses and short agreements decide, and what it changes in the session. */
import type { Context } from '../../bus/service.ts';
import { answerIn } from './claims/agreement.ts';
import { confirm, outcomeOf, type Settled } from './decide.ts';
import type { Heard } from './hear.ts';
import { type Proposal, proposalById } from './rows/proposals.ts';
import type { Session } from './rows/sessions.ts';
import { latestTurns } from './rows/turns.ts';
import { moved } from './states.ts';
import type { DialogParts } from './turn-parts.ts';
import { wordsFor } from './words.ts';

/** What presses and short agreements decide, and what became known of earlier decisions. */
export async function decisions(
  { session, heard, pending }: { readonly session: Session; readonly heard: Heard; readonly pending: readonly Proposal[] },
  parts: DialogParts,
  context: Context,
): Promise<readonly Settled[]> {
  const settled = new Map<string, Settled>();
  const known = async (proposalId: string): Promise<Proposal | null> => {
    const here = pending.find((each) => each.proposalId === proposalId);
    if (here !== undefined) return here;
    const past = await proposalById(parts.db, proposalId);
    return past?.sessionId === session.sessionId ? past : null;
  };
  for (const { payload, inputId } of heard.presses) {
    if (payload === null || (payload.is !== 'confirm' && payload.is !== 'decline')) continue;
    const proposal = await known(payload.proposalId);
    if (proposal === null || settled.has(proposal.proposalId)) continue;
    settled.set(
      proposal.proposalId,
      payload.is === 'confirm'
        ? await confirm(proposal, payload.hash, { kind: 'press', id: inputId.slice(0, 255) }, context, session)
        : declined(proposal, session),
    );
  }
  // Words decide only about the one open proposal that was the last thing we said.
  const open = pending.filter(({ state }) => state === 'open');
  const [only, other] = open;
  const [word] = heard.said;
  if (
    only !== undefined &&
    other === undefined &&
    session.state === 'CONFIRMING' &&
    heard.said.length === 1 &&
    word !== undefined &&
    settled.size === 0 &&
    (await latestTurns(parts.db, session.sessionId, 1))[0]?.turnId === only.turnId
  ) {
    const meant = answerIn(word.text, only.what);
    if (meant === 'agreement')
      settled.set(only.proposalId, await confirm(only, null, { kind: 'message', id: word.messageId }, context, session));
    if (meant === 'refusal') settled.set(only.proposalId, declined(only, session));
    if (meant !== null) (word as { isDecision: boolean }).isDecision = true;
  }
  for (const proposal of pending)
    if (proposal.state !== 'open' && !settled.has(proposal.proposalId)) {
      const outcome = await outcomeOf(proposal, context, session, 2_000);
      if (outcome.state !== 'unknown') settled.set(proposal.proposalId, outcome);
    }
  return [...settled.values()];
}

function declined(proposal: Proposal, session: Session): Settled {
  if (proposal.state !== 'open') return { proposal, state: proposal.state, text: wordsFor(session).goneProposal, isReceipt: false };
  return { proposal, state: 'declined', text: wordsFor(session).declined, isReceipt: false };
}

export function afterDecisions(session: Session, settledNow: readonly Settled[], { log }: DialogParts): Session {
  let current = session;
  for (const { state, deed, slots, made } of settledNow) {
    const event = state === 'done' ? 'confirmed' : state === 'declined' ? 'declined' : state === 'failed' ? 'failed' : null;
    if (event === null) continue;
    const next = moved(current.state, event);
    if (next === null)
      log.warn({ session: current.sessionId, state: current.state, event }, 'a move that the table of states does not contain was refused');
    const offered = (slots ?? []).map((slot, n) => ({
      ...{
        slot: `s${current.memory.named + n + 1}`,
        slotId: slot.slotId,
        employee: slot.employeeName,
        start: slot.start,
        price: slot.price,
      },
      services: settledNow.find((each) => each.slots === slots)?.proposal.details.services ?? [],
    }));
    current = {
      ...current,
      state: next ?? current.state,
      memory: {
        ...current.memory,
        deeds: deed === undefined || current.memory.deeds.includes(deed) ? current.memory.deeds : [...current.memory.deeds, deed],
        offered: state === 'declined' ? current.memory.offered : offered,
        named: current.memory.named + offered.length,
        made: [...(current.memory.made ?? []), ...(made === undefined ? [] : [made])],
        appointments: state === 'done' ? null : current.memory.appointments,
      },
    };
  }
  return current;
}
