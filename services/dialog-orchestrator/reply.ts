/** The reply of a turn: lines of the model and of ours, options, and what is to be done. */
import { shortened } from '../../adapters/channel/options.ts';
import type { Offer } from '../../adapters/llm/port.ts';
import { hashOf, newId, parsed } from '../../bus/durable/identity.ts';
import type { Tx } from '../../bus/service.ts';
import { derivedKey } from '../../bus/wire/key.ts';
import { calls } from '../../contracts/calls.ts';
import type { InputOf } from '../../contracts/kit/define.ts';
import type { Company } from './company.ts';
import { methods, type Settled } from './decide.ts';
import { handOverText } from './facts.ts';
import type { Heard } from './hear.ts';
import { choicesOf, type Option, proposalOptions, slotOptions } from './options.ts';
import {
  bookingsOf,
  type ChoicePayload,
  insertChoices,
  insertProposal,
  lockPhone,
  markProposal,
  type Proposal,
  shownProposal,
} from './rows/proposals.ts';
import type { Input, Session } from './rows/sessions.ts';
import { cut, whenText } from './said.ts';
import { moved } from './states.ts';
import type { Ask } from './tools/tool.ts';
import type { TurnEnd } from './turn.ts';
import { type Answer, type Chat, type DialogParts, dayMs } from './turn-parts.ts';
import { wordsFor } from './words.ts';

/** In UTF-16 units. */
const longestTexts = { alone: 4096, withOptions: 1024 } as const;

const choiceLifeMs = 7 * 86_400_000;

/** A turn before its commit. */
export interface TakenTurn {
  readonly parts: DialogParts;
  readonly company: Company;
  readonly turnId: string;
  readonly sessionId: string;
  readonly startedAt: Date;
  /** As the turn found it. */
  readonly before: Session;
  readonly session: Session;
  readonly chat: Chat | null;
  readonly heard: Heard;
  /** What the customer wrote, without decisions on proposals. */
  readonly texts: readonly string[];
  readonly inputs: readonly Input[];
  readonly pending: readonly Proposal[];
  readonly settledNow: readonly Settled[];
  /** Lines of ours, before those of the model. */
  readonly ours: readonly string[];
  /** Null if no model was asked. */
  readonly end: TurnEnd | null;
  readonly asks: readonly Ask[];
  readonly more: Extract<ChoicePayload, { is: 'more' }> | null;
}

export interface Reply {
  readonly session: Session;
  /** What was done; never stale. */
  readonly receipts: readonly string[];
  readonly text: string | null;
  readonly choices: readonly { readonly token: string; readonly title: string }[];
  readonly shown: ReturnType<typeof choicesOf>['shown'];
  readonly asksForPhone: boolean;
  readonly proposals: Answer['proposals'];
  readonly handOver: Extract<Ask, { is: 'hand_over' }> | null;
}

export async function replyOf(tx: Tx, of: TakenTurn): Promise<Reply> {
  const { parts, company, turnId, settledNow, end, asks, more, pending } = of;
  const { now } = parts;
  const said = wordsFor(of.session);
  const receipts = settledNow.flatMap(({ text, isReceipt }) => (isReceipt && text !== null ? [text] : []));
  const lines = [...settledNow.flatMap(({ text, isReceipt }) => (!isReceipt && text !== null ? [text] : [])), ...of.ours];
  const wanted = asks.find((ask) => ask.is === 'propose');
  const propose = wanted !== undefined && (await mayPropose(tx, of, wanted)) ? wanted : undefined;
  const isRefused = wanted !== undefined && propose === undefined;
  const handOver = isRefused ? tooManyBookings : (asks.find((ask) => ask.is === 'hand_over') ?? null);
  const session = isRefused ? { ...of.session, state: moved(of.session.state, 'declined') ?? of.session.state } : of.session;
  const callBack = asks.find((ask) => ask.is === 'call_back');
  const asksForPhone = asks.some(({ is }) => is === 'prove_phone');
  const offered = asks.findLast((ask) => ask.is === 'offer_slots');
  const busy = settledNow.some(({ slots }) => slots !== undefined && slots.length > 0);
  let options: readonly Option[] = [];
  const proposals: Answer['proposals'] = [];
  if (more !== null) {
    lines.push(said.slots);
    options = more.options;
  }
  if (callBack !== undefined) {
    tx.send(calls.start_call, callBack.input, { key: derivedKey(turnId, 'call'), approval: parts.rules.approval.staff });
    lines.push(said.callRequested);
  }
  if (propose !== undefined) {
    const made = proposed(tx, of, propose);
    // A later proposal outdates the earlier ones.
    for (const old of pending.filter(
      (each) => each.state === 'open' && !settledNow.some(({ proposal }) => proposal.proposalId === each.proposalId),
    )) {
      tx.outdate(methods[old.what], [old.key], 'A later proposal replaces it.');
      await markProposal(tx, old.proposalId, { state: 'outdated' });
    }
    await insertProposal(tx, made);
    if (end?.text != null) lines.push(end.text);
    lines.push(made.text);
    options = proposalOptions(made, session.language);
    proposals.push(shownProposal(made));
  } else if (handOver === null) {
    if (asksForPhone) lines.push(of.chat !== null ? said.provePhone : said.cannotProve);
    else if (end?.text != null) lines.push(end.text);
    // A model that speaks itself names the times.
    else if (offered !== undefined && end?.replyBy !== 'none') lines.push(said.slots);
    if (offered !== undefined) options = slotOptions(offered.slots, session.language);
    else if (busy) options = slotOptions(session.memory.offered, session.language);
    else if (end?.offer != null && options.length === 0) options = offerOptions(end.offer);
  } else {
    lines.push(handOverText(company, now(), session));
  }
  for (const { proposal, state } of settledNow)
    if (state === 'declined') tx.outdate(methods[proposal.what], [proposal.key], 'The customer declined it.');
  const { choices, shown } = choicesOf(options, session.language);
  await insertChoices(tx, { sessionId: session.sessionId, turnId, expiresAt: new Date(now() + choiceLifeMs) }, choices);
  const text = fittedLines(lines, end?.text ?? '', choices.length > 0 ? longestTexts.withOptions : longestTexts.alone);
  return { session, receipts, text: text || null, choices, shown, asksForPhone, proposals, handOver };
}

/** Some channels show 1,024 UTF-16 units beside options: the text of the model gives way, ours stays whole. */
function fittedLines(lines: readonly string[], ofModel: string, longest: number): string {
  const excess = lines.join('\n\n').length - longest;
  return lines.map((line) => (excess > 0 && line === ofModel ? shortened(line, Math.max(1, line.length - excess)) : line)).join('\n\n');
}

const tooManyBookings = { is: 'hand_over', reason: 'too many bookings of one phone', summary: '' } as const;

/** Several sessions may state one phone at the same time; its limit holds for all together. */
async function mayPropose(
  tx: Tx,
  { parts: { settings, now }, session: { sessionId } }: TakenTurn,
  { what, phone }: Extract<Ask, { is: 'propose' }>,
): Promise<boolean> {
  if (what !== 'create' || phone === null) return true;
  await lockPhone(tx, phone);
  return (await bookingsOf(tx, { phone, sessionId, since: new Date(now() - dayMs) })) < settings.DIALOG_MAX_BOOKINGS;
}

function offerOptions({ kind, options }: Offer): readonly Option[] {
  return options.slice(0, 30).map(({ ref, title }) => ({ title: cut(title, 64), payload: { is: kind, ref: cut(ref, 64) } }));
}

function proposed(
  tx: Tx,
  { parts, turnId, session }: TakenTurn,
  { what, input, details, ttlMs, phone }: Extract<Ask, { is: 'propose' }>,
): Proposal {
  const method = methods[what];
  const key = derivedKey(turnId, what);
  const checked = parsed(method, input);
  const rowId = tx.send(method as typeof methods.create, checked as InputOf<typeof methods.create>, {
    ...{ key, ttlMs },
    approval: parts.rules.approval.customer,
  });
  const at = parts.now();
  const text = wordsFor(session).proposal({
    ...{ what, services: details.services, employee: details.employee, when: whenText(details.start, session.language) },
    ...{ from: details.from === undefined ? null : whenText(details.from, session.language), price: details.price, name: details.name },
    phone: details.phone ?? null,
  });
  return {
    ...{
      proposalId: newId('prop', at),
      sessionId: session.sessionId,
      turnId,
      what,
      rowId,
      method: method.address,
      key,
      hash: hashOf(method, checked),
    },
    ...{ input: checked, details, phone, text, state: 'open', evidence: null, toldAt: null },
    ...{ createdAt: new Date(at), expiresAt: new Date(at + ttlMs) },
  };
}
