/** The agent beside the services that it needs, with a model that the test writes. For tests. */
import type { AnswerRequest, ModelAnswer } from '../../adapters/llm/port.ts';
import type { Bus } from '../../bus/bus.ts';
import type { Queries, Service } from '../../bus/service.ts';
import { company } from '../../contracts/company.ts';
import { dialog } from '../../contracts/dialog.ts';
import type { OutputOf } from '../../contracts/kit/define.ts';
import { dialogOrchestrator } from './service.ts';

interface World {
  readonly store: Queries;
  readonly bus: Pick<Bus, 'call'>;
  start(folder: string, service: Service, settings?: Readonly<Record<string, string>>): Promise<{ stop(graceMs: number): Promise<void> }>;
}
export type Reply = OutputOf<typeof dialog.dialog>;
/** What the model answers: a text, calls by name, or both. */
export interface Scripted {
  readonly text?: string;
  readonly calls?: readonly (readonly [name: string, args: object | string])[];
}
export type Brain = (request: AnswerRequest, nth: number) => Scripted | Promise<Scripted>;
export type Fixture = Awaited<ReturnType<typeof fixture>>;

let count = 0;
export const unique = (prefix: string): string => {
  count += 1;
  return `${prefix}-${count}`;
};

/** @param salon the company of the calendar. @param others services by folder */
export async function fixture(
  { bus, start, store }: World,
  others: Readonly<Record<string, Service>>,
  { salon, settings = {} }: { readonly salon: object; readonly settings?: Readonly<Record<string, string>> },
) {
  let brain: Brain = () => ({ text: 'Здравствуйте! Чем могу помочь?' });
  const requests: AnswerRequest[] = [];
  const answer = async (request: AnswerRequest): Promise<ModelAnswer> => {
    requests.push(request);
    const { text = '', calls = [] } = await brain(request, requests.length);
    return {
      text,
      toolCalls: calls.map(([name, args], n) => ({
        id: `call_${n}`,
        name,
        arguments: typeof args === 'string' ? args : JSON.stringify(args),
      })),
      ...{ end: calls.length === 0 ? ('stop' as const) : ('tool_calls' as const), model: 'test/brain', inputTokens: 10, outputTokens: 5 },
    };
  };
  const llm = {
    name: 'test/brain',
    answer,
    async *answerStream(request: AnswerRequest) {
      const whole = await answer(request);
      for (const piece of whole.text.match(/.{1,7}/gsu) ?? []) yield { type: 'text' as const, text: piece };
      yield { type: 'answer' as const, answer: whole };
    },
  };
  const hosted = new Map<string, { stop(graceMs: number): Promise<void> }>();
  const startOther = async (folder: string) => {
    const service = others[folder];
    if (service !== undefined) hosted.set(folder, await start(folder, service, settings));
  };
  for (const folder of Object.keys(others)) await startOther(folder);
  const agent = dialogOrchestrator(() => llm);
  const startAgent = () => start('dialog-orchestrator', agent, { DIALOG_GATHER_MS: '0', DIALOG_FRAGMENT_MS: '0', ...settings });
  const first = await startAgent();
  await bus.call(company.set, { company: { ...salon, noticeMinutes: 0 } as never });
  return {
    requests,
    first,
    startAgent,
    stopOther: async (folder: string) => hosted.get(folder)?.stop(2_000),
    startOther,
    /** From now on the model answers so. */
    thinks(next: Brain) {
      requests.length = 0;
      brain = next;
    },
    say: (sessionId: string, message: string, more: object = {}) =>
      bus.call(dialog.dialog, { sessionId, message, ...more }, { key: unique('said') }),
    press: (sessionId: string, choice: string, key = unique('press')) => bus.call(dialog.dialog, { sessionId, choice }, { key }),
    session: (sessionId: string) => bus.call(dialog.get_session, { sessionId, turns: 50 }),
    rows: <T>(text: string, values: readonly unknown[] = []) => store.query<T>(text, values),
  };
}
/** The id of the option with this title. */
export function choiceOf(reply: Reply, title: RegExp): string {
  const found = reply.choices.find((each) => title.test(each.title));
  if (found === undefined) throw new Error(`no option ${title} among ${reply.choices.map((each) => each.title).join(', ')}`);
  return found.id;
}
/** The result of the last tool call in a request. */
export function lastResult(request: AnswerRequest): Record<string, unknown> | null {
  const last = request.messages.at(-1);
  return last?.role === 'tool' ? (JSON.parse(last.text) as Record<string, unknown>) : null;
}
