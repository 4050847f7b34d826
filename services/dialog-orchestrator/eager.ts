/**
 * Requests the first answer of a turn from the model while the customer may still go on. Nothing is stored and no tool runs before the
 * turn begins, which uses the answer if its own request is the same.
 */
import { hash } from 'node:crypto';
import type { AnswerItem, AnsweringLlm, AnswerRequest } from '../../adapters/llm/port.ts';
import { createOutbox, type Outbox } from '../../adapters/outbox.ts';
import type { Context } from '../../bus/service.ts';
import { dialog } from '../../contracts/dialog.ts';
import { canonical } from '../../contracts/kit/canonical.ts';
import { asksForPerson } from './claims/handover-words.ts';
import { promptFacts } from './facts.ts';
import { hear } from './hear.ts';
import { historyOf } from './history.ts';
import { sessionIdOf } from './ids.ts';
import { eagerAnswersTotal } from './metrics.ts';
import { pendingProposals } from './rows/proposals.ts';
import { findSession } from './rows/sessions.ts';
import { identified, isOverBudget, isSilentIn, renewed } from './session-of.ts';
import { requestOf, type TurnRequest } from './turn.ts';
import type { DialogParts, Said } from './turn-parts.ts';

export interface EagerAnswers {
  /** Sends the model the first request of the turn. Disposing cancels a request that the turn has not taken. */
  begin(turnId: string, said: NonNullable<Said>, context: Pick<Context, 'call' | 'key'>): Disposable;
  /** The answer, complete or still arriving; null if there is none that the turn can use. */
  take(turnId: string, request: RequestContent & { readonly signal: AbortSignal }): AsyncIterable<AnswerItem> | null;
}
/** What the answer depends on; the facts of a request are its messages in another form. */
type RequestContent = Pick<AnswerRequest, 'messages' | 'tools' | 'toolChoice'>;
interface EagerRequest {
  readonly over: AbortController;
  /** Of the request; undefined until it is known. */
  fingerprint: string | undefined;
  readonly items: Outbox<AnswerItem>;
  failure: unknown;
}
const answerMs = dialog.next_answer.timeoutMs;

export function eagerAnswers(
  parts: Pick<DialogParts, 'db' | 'settings' | 'company' | 'prompts' | 'metrics' | 'log' | 'now'> & { readonly llm: AnsweringLlm },
): EagerAnswers {
  const { metrics, log, llm } = parts;
  const waiting = new Map<string, EagerRequest>();

  async function ask(turnId: string, said: NonNullable<Said>, context: Pick<Context, 'call' | 'key'>, asked: EagerRequest): Promise<void> {
    const { signal } = asked.over;
    try {
      const request = await firstRequest(said, context, parts);
      if (request === null || signal.aborted) return;
      asked.fingerprint = fingerprintOf(request);
      for await (const item of llm.answerStream({ ...request, ref: `${turnId}:1`, timeoutMs: answerMs, signal })) asked.items.put(item);
    } catch (error) {
      asked.failure = error;
      if (!signal.aborted) log.info({ err: error }, 'an eager answer failed; the turn asks again');
    } finally {
      asked.items.end();
    }
  }
  return {
    begin(turnId, said, context) {
      const asked: EagerRequest = { over: new AbortController(), fingerprint: undefined, items: createOutbox(), failure: null };
      waiting.set(turnId, asked);
      void ask(turnId, said, context, asked);
      return {
        [Symbol.dispose]() {
          if (!waiting.delete(turnId)) return;
          asked.over.abort();
          if (asked.fingerprint !== undefined) metrics.count(eagerAnswersTotal, { outcome: 'discarded' });
        },
      };
    },
    take(turnId, { signal, ...request }) {
      const asked = waiting.get(turnId);
      if (asked === undefined) return null;
      waiting.delete(turnId);
      const isSame = asked.fingerprint === fingerprintOf(request) && asked.failure === null;
      if (asked.fingerprint !== undefined) metrics.count(eagerAnswersTotal, { outcome: isSame ? 'used' : 'stale' });
      if (!isSame) {
        asked.over.abort();
        return null;
      }
      signal.addEventListener('abort', () => asked.over.abort(), { once: true });
      return itemsOf(asked);
    },
  };
}
async function* itemsOf(asked: EagerRequest): AsyncGenerator<AnswerItem> {
  yield* asked.items;
  if (asked.failure !== null) throw asked.failure;
}
function fingerprintOf({ messages, tools, toolChoice }: RequestContent): string {
  return hash('sha256', canonical({ messages, tools, toolChoice }), 'base64url');
}

/** The first request of a turn with these words; null if the turn sends none, or must decide on a proposal first. */
async function firstRequest(
  said: NonNullable<Said>,
  context: Pick<Context, 'call' | 'key'>,
  parts: Pick<DialogParts, 'db' | 'settings' | 'company' | 'prompts' | 'now'>,
): Promise<TurnRequest | null> {
  const { db, settings, now, prompts } = parts;
  const sessionId = sessionIdOf(said.externalId);
  const [stored, pending, company] = await Promise.all([
    findSession(db, sessionId),
    pendingProposals(db, sessionId),
    parts.company(context.call),
  ]);
  const before = renewed(stored, { sessionId, said, chat: null, startedAt: new Date(now()), settings });
  const heard = await hear({ session: before, said, chat: null, inputs: [], db }, context);
  if (heard.dictation !== null && heard.dictation.is !== 'whole') return null;
  const session = await identified({ ...before, ...heard.person }, null, parts, context);
  const texts = heard.said.map(({ text }) => text);
  if (pending.length > 0 || isSilentIn(session, null, settings) || isOverBudget(session, settings) || texts.some(asksForPerson))
    return null;
  const known = { session, company, open: null, pressed: null, now: now() };
  const prompt = prompts(session.language, session.state, promptFacts(known), session.isSpoken ? 'spoken' : 'written');
  const lines = [...(await historyOf(session, null, heard, db)), ...texts.map((text) => ({ role: 'user' as const, text }))];
  return requestOf(known, prompt, lines, true);
}
