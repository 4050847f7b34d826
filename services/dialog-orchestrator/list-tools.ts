/** What a model needs that speaks with a customer itself: the instructions and tools of the state of the conversation. */
import type { Handler } from '../../bus/service.ts';
import type { dialog } from '../../contracts/dialog.ts';
import { promptFacts } from './facts.ts';
import { sessionIdOf } from './ids.ts';
import { pendingProposals } from './rows/proposals.ts';
import { findSession } from './rows/sessions.ts';
import { renewed } from './session-of.ts';
import { toolSpecs } from './tools/catalogue.ts';
import type { DialogParts } from './turn-parts.ts';

export function listTools({
  db,
  settings,
  now,
  prompts,
  company,
}: Pick<DialogParts, 'db' | 'settings' | 'now' | 'prompts' | 'company'>): Handler<typeof dialog.list_tools> {
  return async ({ sessionId: externalId, name = null, phoneNumber = null }, { call }) => {
    const sessionId = sessionIdOf(externalId);
    const [stored, pending, known] = await Promise.all([findSession(db, sessionId), pendingProposals(db, sessionId), company(call)]);
    const said = { externalId, text: null, choice: null, name, phoneNumber, language: null, isSpoken: true };
    const session = renewed(stored, { sessionId, said, chat: null, startedAt: new Date(now()), settings });
    const customer = session.phone === null && phoneNumber !== null ? { ...session, phoneProof: 'claimed' as const } : session;
    const open = pending.find(({ state }) => state === 'open') ?? null;
    const facts = promptFacts({ session: customer, company: known, open, pressed: null, now: now() });
    return {
      ...{ state: session.state, language: session.language },
      instructions: prompts(session.language, session.state, facts, 'speaks_itself').text,
      tools: toolSpecs(session.state).map(({ name: tool, description, parameters }) => ({ name: tool, description, parameters })),
    };
  };
}
