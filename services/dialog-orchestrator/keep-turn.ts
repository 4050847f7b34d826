/** Stores a turn: its record, the reply, proposals, and what is to be done. */
import type { Tx } from '../../bus/service.ts';
import { dialog } from '../../contracts/dialog.ts';
import { asksForPerson } from './claims/handover-words.ts';
import { expectedBy } from './expected.ts';
import { isStaffAway } from './facts.ts';
import { pressesSince } from './hear.ts';
import { messageIdPrefix } from './ids.ts';
import { intentOf } from './intents.ts';
import { toolCallsTotal, turnSeconds, turnsTotal } from './metrics.ts';
import { replyOf, type TakenTurn } from './reply.ts';
import { handOverLater, replyInChat } from './reply-in-chat.ts';
import { markProposal } from './rows/proposals.ts';
import { closeInputs, putSession, type Session } from './rows/sessions.ts';
import { insertTurn } from './rows/turns.ts';
import { cut } from './said.ts';
import type { Answer } from './turn-parts.ts';

export async function keepTurn(tx: Tx, of: TakenTurn): Promise<Answer> {
  const { parts, company, turnId, sessionId, startedAt, before, session, chat, heard, texts, inputs, settledNow, end } = of;
  const { settings, now, log } = parts;
  const reply = await replyOf(tx, of);
  const part = heard.dictation !== null && heard.dictation.is !== 'whole' && reply.handOver === null ? heard.dictation : null;
  const decided = heard.presses.filter(({ payload }) => payload?.is === 'confirm' || payload?.is === 'decline');
  const answered = [...(end?.said ?? heard.said.map(({ text }) => text)), ...decided.map(({ title }) => title)];
  const seen = [...new Set([...heard.seen, ...(end?.seen ?? [])])];
  const done: Session = {
    ...reply.session,
    turns: session.turns + 1,
    activeAt: new Date(now()),
    handedOverAt: reply.handOver === null ? session.handedOverAt : new Date(now()),
  };
  await putSession(tx, done);
  if (chat !== null || inputs.length > 0) await closeInputs(tx, [...inputs.map(({ inputId }) => inputId), ...seen], turnId);
  const text = [...reply.receipts, ...(reply.text === null ? [] : [reply.text])].join('\n\n') || null;
  const replyBy = reply.asksForPhone ? 'ours' : (end?.replyBy ?? (text === null ? 'none' : 'ours'));
  const row = {
    ...{
      turnId,
      sessionId,
      said: answered,
      reply: text === null ? null : cut(text, 4096),
      replyBy: text === null ? ('none' as const) : replyBy,
    },
    ...{
      before: before.state,
      state: done.state,
      intent: end === null && texts.some(asksForPerson) ? 'human' : intentOf(end?.tools ?? (part === null ? null : [])),
      model: end?.model ?? null,
      promptHash: end?.promptHash ?? null,
    },
    ...{ steps: end?.steps ?? [], findings: end?.findings ?? [], startedAt, ms: Math.max(0, now() - startedAt.getTime()) },
  };
  await insertTurn(tx, row, end?.tools ?? []);
  for (const each of settledNow) {
    const toldAt = each.state !== 'unknown' && each.text !== null ? new Date(now()) : null;
    await markProposal(tx, each.proposal.proposalId, { state: each.state, evidence: each.evidence ?? null, toldAt });
  }
  if (chat !== null) {
    const news = end?.seen.filter((inputId) => inputId.startsWith(messageIdPrefix) && !heard.seen.includes(inputId)) ?? [];
    const answers = news.at(-1) ?? heard.answers;
    replyInChat(tx, {
      turnId,
      chat,
      seen: [...seen, ...(await pressesSince(tx, sessionId))],
      answers,
      session: done,
      settledNow,
      reply,
      settings,
    });
  }
  if (reply.handOver !== null) handOverLater(tx, done, reply.handOver, turnId, chat);
  tx.emit(dialog.turn_completed, {
    ...{
      turnId,
      sessionId,
      chatId: done.chatId,
      state: done.state,
      intent: row.intent,
      model: row.model,
      at: new Date(now()).toISOString(),
    },
  });
  tx.count(turnsTotal, { reply: row.replyBy });
  for (const tool of end?.tools ?? [])
    tx.count(toolCallsTotal, { tool: tool.policy === null ? 'unknown' : tool.name, outcome: tool.outcome });
  parts.metrics.observe(turnSeconds, {}, row.ms / 1000);
  if (end !== null && end.findings.length > 0)
    log.info({ turn: turnId, findings: end.findings.map(({ kind }) => kind) }, 'the model claimed what nothing supports');
  return {
    ...{ sessionId: done.externalId, turnId, reply: row.reply, state: done.state, intent: row.intent },
    proposals: reply.proposals,
    choices: reply.choices.map(({ token, title }) => ({ id: token, title })),
    expects:
      part === null ? expectedBy(row.reply, { proposals: reply.proposals.length, choices: reply.choices.length }) : ['phone' as const],
    dictated: part?.digits ?? '',
    isHandedOver: done.handedOverAt !== null,
    isStaffAway: done.handedOverAt !== null && isStaffAway(company, now()),
  };
}
