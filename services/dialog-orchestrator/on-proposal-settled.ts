import { type Consumer, on } from '../../bus/service.ts';
import { derivedKey } from '../../bus/wire/key.ts';
import { settled } from '../../contracts/kit/define.ts';
import type { methods } from './decide.ts';
import { findProposal, markProposal, type Proposal } from './rows/proposals.ts';
import { turnDue } from './turn-due.ts';

const stateOf: Readonly<Record<string, Proposal['state']>> = {
  done: 'done',
  failed: 'failed',
  expired: 'expired',
  stale: 'outdated',
  rejected: 'declined',
  cancelled: 'declined',
};

/** The outcome of a proposal: the next turn writes it to the customer, unless they know it already. */
export function onProposalSettled(method: (typeof methods)[keyof typeof methods]): Consumer {
  return on(settled(method), async ({ key, state }, tx) => {
    const proposal = await findProposal(tx, { method: method.address, key });
    const now = stateOf[state];
    if (proposal === null || now === undefined || ['declined', 'outdated', 'expired', 'done'].includes(proposal.state)) return;
    await markProposal(tx, proposal.proposalId, { state: now });
    const isOutcome = now === 'done' || now === 'failed';
    if (isOutcome && proposal.toldAt === null) turnDue(tx, proposal.sessionId, derivedKey('settled', proposal.proposalId));
  });
}
