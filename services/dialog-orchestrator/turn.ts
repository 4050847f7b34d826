/**
 * One turn: asks the model step by step, runs its tools under their policies, and ends in a reply, its options, and what is to be done.
 * Nothing here writes: the caller stores the result in one commit. A turn that runs again gets the same answers of the model.
 */

import { hash } from 'node:crypto';
import { storable } from '../../adapters/channel/port.ts';
import type { ModelMessage, Offer, ToolCall } from '../../adapters/llm/port.ts';
import { visible } from '../../contracts/common.ts';
import { canonical } from '../../contracts/kit/canonical.ts';
import { isPolybError } from '../../contracts/kit/errors.ts';
import type { Finding } from './claims/check-text.ts';
import type { Company } from './company.ts';
import { type Known, machineFacts, type Pressed, promptFacts } from './facts.ts';
import type { Prompt, Prompts } from './prompts.ts';
import type { Proposal } from './rows/proposals.ts';
import type { Memory, Session } from './rows/sessions.ts';
import type { ReplyBy, StepRow, ToolRow } from './rows/turns.ts';
import type { Rules } from './rules.ts';
import { cut } from './said.ts';
import type { DialogSettings } from './settings.ts';
import { moved, type StateEvent } from './states.ts';
import { supportOf } from './support-of.ts';
import { expectedOf, isListedIn, toolNamed, toolSpecs } from './tools/catalogue.ts';
import { type Ask, refused, type Tool, type ToolContext, type ToolResult } from './tools/tool.ts';
import { wordsFor } from './words.ts';

const [maxOutputTokens, resultCharacters] = [700, 12_000];

/** One answer of the model, as kept under its step. */
export interface KeptAnswer {
  readonly seen: readonly string[];
  readonly ms: number;
  readonly answer: {
    readonly text: string;
    readonly toolCalls: readonly ToolCall[];
    readonly end: string;
    readonly model: string;
    readonly inputTokens: number;
    readonly outputTokens: number;
    readonly offer?: unknown;
  };
}
export interface TurnRequest {
  readonly messages: readonly ModelMessage[];
  readonly tools: ReturnType<typeof toolSpecs>;
  readonly toolChoice: 'auto' | 'none';
  readonly maxOutputTokens: number;
  readonly facts: unknown;
}
export interface TurnPorts {
  nextAnswer(step: number, seen: readonly string[], request: TurnRequest): Promise<KeptAnswer>;
  /** What the customer said since: inputs that are not among these. */
  saidSince(seen: readonly string[]): Promise<readonly { readonly inputId: string; readonly text: string }[]>;
  toolContext(of: { readonly session: Session; readonly memory: Memory; readonly key: string }): ToolContext;
  onTool(name: string): void;
  /** Before each answer: which of its sentences may be said. */
  onStep(mayBeSaid: (sentence: string) => boolean): void;
  /** The model speaks with the customer itself: the turn ends after its first calls, without a text. */
  readonly speaksItself?: boolean;
  readonly rules: Rules;
  readonly prompts: Prompts;
  readonly company: Company;
  readonly settings: DialogSettings;
  readonly now: () => number;
}
export interface TurnStart {
  readonly turnId: string;
  readonly session: Session;
  /** Earlier lines of the conversation, oldest first. */
  readonly history: readonly ModelMessage[];
  readonly said: readonly string[];
  readonly seen: readonly string[];
  readonly pressed: Pressed | null;
  readonly open: Proposal | null;
}
export interface TurnEnd {
  readonly session: Session;
  readonly said: readonly string[];
  readonly seen: readonly string[];
  /** What the model says; null if it says nothing. */
  readonly text: string | null;
  readonly replyBy: ReplyBy;
  readonly asks: readonly Ask[];
  readonly offer: Offer | null;
  readonly steps: readonly StepRow[];
  readonly tools: readonly ToolRow[];
  readonly findings: readonly Finding[];
  readonly model: string | null;
  readonly promptHash: string;
}

/** What the model is asked. @param lines the conversation, oldest first @param mayCall whether it may call tools */
export function requestOf(known: Known, prompt: Prompt, lines: readonly ModelMessage[], mayCall: boolean): TurnRequest {
  return {
    messages: [{ role: 'system', text: prompt.text }, ...lines],
    tools: mayCall ? toolSpecs(known.session.state) : [],
    toolChoice: mayCall ? 'auto' : 'none',
    maxOutputTokens,
    facts: machineFacts(known),
  };
}

export async function runTurn(start: TurnStart, ports: TurnPorts): Promise<TurnEnd> {
  const { check, limits } = ports.rules;
  let { session } = start;
  const said = [...start.said];
  const seen = [...start.seen];
  const dialogue: ModelMessage[] = start.said.map((text) => ({ role: 'user', text }));
  const steps: StepRow[] = [];
  const toolRows: ToolRow[] = [];
  const findings: Finding[] = [];
  const notes: string[] = [];
  const asks: Ask[] = [];
  const kept = new Map<string, ToolResult>();
  let promptHash = '';
  let writes = 0;
  let repairs = 0;
  const move = (event: StateEvent): void => {
    session = { ...session, state: moved(session.state, event) ?? session.state };
  };
  const end = (text: string | null, replyBy: ReplyBy, offer: Offer | null = null): TurnEnd => {
    const model = steps.at(-1)?.model ?? null;
    return { session, said, seen, text, replyBy, asks, offer, steps, tools: toolRows, findings, model, promptHash };
  };

  for (let step = 1; step <= limits.steps; step++) {
    const known: Known = { session, company: ports.company, open: start.open, pressed: start.pressed, now: ports.now() };
    const prompt = ports.prompts(session.language, session.state, promptFacts(known), session.isSpoken ? 'spoken' : 'written');
    promptHash = prompt.hash;
    const mayCall = toolRows.length < limits.toolCalls && step < limits.steps;
    const support = () =>
      supportOf({ session, company: ports.company, open: start.open, asks, said, secrets: [prompt.instructions, ...notes] });
    ports.onStep((sentence) => check(sentence, support()).ok);
    const {
      answer,
      seen: answered,
      ms,
    } = await ports.nextAnswer(step, seen, requestOf(known, prompt, [...start.history, ...dialogue], mayCall));
    const { text, toolCalls, model, inputTokens, outputTokens } = answer;
    session = { ...session, tokens: session.tokens + inputTokens + outputTokens };
    const stepRow = { step, model, text: cut(text, 4096), isDropped: false, ms, inputTokens, outputTokens };

    // What the customer said since the answer began replaces it, unless it only reads. After a kill, a kept answer may not know the first texts.
    const news = await ports.saidSince(seen);
    const isOld = seen.some((inputId) => !answered.includes(inputId));
    const changes = toolCalls.some(({ name }) => toolNamed(name)?.isWrite !== false);
    if ((news.length > 0 || isOld) && (toolCalls.length === 0 || changes) && step < limits.steps) {
      steps.push({ ...stepRow, isDropped: true });
      for (const call of toolCalls) toolRows.push(droppedRow(step, toolRows.filter((row) => row.step === step).length + 1, call));
      for (const each of news) {
        seen.push(each.inputId);
        said.push(each.text);
        dialogue.push({ role: 'user', text: each.text });
      }
      continue;
    }
    steps.push(stepRow);

    if (toolCalls.length === 0) {
      const verdict = !visible.test(text) ? { ok: false as const, findings: [] } : check(text, support());
      if (verdict.ok) {
        move('replied');
        return end(text.trim(), repairs > 0 ? 'repair' : 'model', offerOf(answer.offer));
      }
      findings.push(...verdict.findings);
      repairs += 1;
      if (repairs > 1 || step === limits.steps) break;
      notes.push(repairNote(verdict.findings, session));
      dialogue.push({ role: 'assistant', text: cut(text, 4096) }, { role: 'user', text: notes.at(-1) as string });
      continue;
    }

    dialogue.push({ role: 'assistant', text, toolCalls });
    for (const [at, call] of toolCalls.entries()) {
      const n = at + 1;
      const began = ports.now();
      const { row, result } = await ran(call, {
        ...{ limits, count: toolRows.length, writes },
        kept,
        context: ports.toolContext({ session, memory: session.memory, key: `${start.turnId}:${step}:${n}` }),
        hasProposal: asks.some(({ is }) => is === 'propose'),
      });
      ports.onTool(call.name);
      toolRows.push({ ...row, step, n, ms: Math.max(0, ports.now() - began) });
      if (row.isWrite) writes += 1;
      if (result.remember !== undefined) session = { ...session, memory: { ...session.memory, ...result.remember } };
      if (result.deed !== undefined && !session.memory.deeds.includes(result.deed))
        session = { ...session, memory: { ...session.memory, deeds: [...session.memory.deeds, result.deed] } };
      if (result.name !== undefined) session = { ...session, name: result.name };
      for (const ask of result.asks ?? []) if (ask.is !== 'prove_phone' || !asks.some(({ is }) => is === 'prove_phone')) asks.push(ask);
      if (row.name === 'get_services' && row.outcome === 'done') move('services_shown');
      if (result.asks?.some(({ is }) => is === 'offer_slots')) move('slots_offered');
      if (result.asks?.some(({ is }) => is === 'propose')) move('proposed');
      dialogue.push({ role: 'tool', callId: call.id, text: cut(JSON.stringify(result.result), resultCharacters) });
    }
    // What follows is written by us: the proposal, or that a person takes over.
    if (asks.some(({ is }) => is === 'propose' || is === 'hand_over')) {
      const isSaid = visible.test(text) && check(text, support()).ok;
      return end(isSaid ? text.trim() : null, isSaid ? 'model' : 'ours');
    }
    if (ports.speaksItself) return end(null, 'none');
  }
  move('replied');
  return end(wordsFor(session).plain, 'plain');
}

interface Running {
  readonly limits: Rules['limits'];
  readonly count: number;
  readonly writes: number;
  readonly kept: Map<string, ToolResult>;
  readonly context: ToolContext;
  readonly hasProposal: boolean;
}
type RanRow = Omit<ToolRow, 'step' | 'n' | 'ms'> & { readonly isWrite: boolean };

/** Every call gets exactly one result, a refusal too. Arguments are parsed once; what is hashed is what runs. */
async function ran(
  call: ToolCall,
  { limits, count, writes, kept, context, hasProposal }: Running,
): Promise<{ row: RanRow; result: ToolResult }> {
  const it = toolNamed(call.name);
  const given = jsonOf(call.arguments);
  const hashed = hash('sha256', canonical({ name: it?.name ?? call.name, given: given.ok ? given.value : call.arguments }), 'base64url');
  const recorded = (result: ToolResult, args: unknown, isWrite: boolean) => ({
    row: {
      name: cut(it?.name ?? call.name, 64),
      policy: it?.policy ?? null,
      arguments: args,
      hash: hashed,
      outcome: result.outcome,
      result: result.result,
      isWrite,
    },
    result,
  });
  const refuse = (result: ToolResult) => recorded(result, given.ok ? given.value : null, false);
  if (it === null)
    return refuse({ outcome: 'unknown_tool', result: { error: 'unknown_tool', detail: `There is no tool ${cut(call.name, 64)}.` } });
  if (count >= limits.toolCalls) return refuse(refused('budget', 'There were enough tool calls in this turn; answer the customer.'));
  if (!isListedIn(it, context.session.state)) return refuse(refused('not_allowed', `${it.name} is not available yet: offer times first.`));
  if (!given.ok) return refuse(refused('bad_arguments', 'The arguments are no JSON object.', { expected: expectedOf(it) }));
  const parsed = it.input.safeParse(given.value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return refuse(
      refused('bad_arguments', `${issue?.path.join('.') || 'arguments'}: ${issue?.message ?? 'do not fit'}`, { expected: expectedOf(it) }),
    );
  }
  if (it.isWrite && writes >= limits.writes) return refuse(refused('budget', 'There were enough changes in this turn.'));
  if (it.policy === 'customer' && hasProposal)
    return refuse(refused('budget', 'One proposal at a time: the customer decides on the first one.'));
  const before = it.isWrite ? undefined : kept.get(hashed);
  if (before !== undefined)
    return recorded(
      { outcome: 'kept', result: { ...before.result, note: 'The same as before in this turn; use it.' } },
      parsed.data,
      false,
    );
  const result = await safely(it, parsed.data, context);
  if (!it.isWrite) kept.set(hashed, result);
  return recorded(result, parsed.data, it.isWrite && ['done', 'proposed', 'sent_to_staff', 'unknown'].includes(result.outcome));
}

/** A tool that fails tells the model so; what is unknown is not told as absent. */
async function safely(it: Tool, input: unknown, context: ToolContext): Promise<ToolResult> {
  try {
    return await it.run(input as never, context);
  } catch (error) {
    if (!isPolybError(error) || error.code === 'cancelled') throw error;
    const isUnknown = it.isWrite && error.outcome === 'unknown';
    return {
      outcome: isUnknown ? 'unknown' : 'failed',
      result: {
        error: isUnknown ? 'outcome_unknown' : 'failed',
        detail: isUnknown
          ? 'It is not known whether this was done. Do not call it again; it is being checked.'
          : 'This failed, and its data is not known. Do not say that there is none.',
        reason: error.reason ?? error.code,
      },
    };
  }
}
function jsonOf(text: string): { readonly ok: true; readonly value: unknown } | { readonly ok: false } {
  try {
    const value: unknown = JSON.parse(text.trim() === '' ? '{}' : text, asStorable);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ok: true, value } : { ok: false };
  } catch {
    return { ok: false };
  }
}
/** Arguments become rows and messages. */
function asStorable(_: string, value: unknown): unknown {
  if (typeof value === 'string') return storable(value);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [storable(name), each]));
}
function droppedRow(step: number, n: number, call: ToolCall): ToolRow {
  const it = toolNamed(call.name);
  return {
    ...{
      step,
      n,
      name: cut(call.name, 64),
      policy: it?.policy ?? null,
      arguments: null,
      hash: hash('sha256', call.arguments, 'base64url'),
    },
    ...{ outcome: 'dropped' as const, result: { note: 'The customer wrote meanwhile.' }, ms: 0 },
  };
}
function repairNote(findings: readonly Finding[], { language }: Session): string {
  const kinds = [...new Set(findings.map(({ kind }) => kind))].join(', ');
  return language === 'ru'
    ? `[Служебное: в ответе есть то, чего нет в фактах и ответах инструментов (${kinds || 'пустой ответ'}). Напиши ответ клиенту заново, без этого.]`
    : `[Note: the reply says what neither the facts nor the answers of tools support (${kinds || 'it is empty'}). Write it again without that.]`;
}
function offerOf(given: unknown): Offer | null {
  const offer = given as Offer | undefined;
  return offer !== undefined && Array.isArray(offer.options) ? offer : null;
}
