/** Runs the tool calls of a speech model as tools of the dialog. */
import type { SpeechCall, SpeechSetup } from '../../../adapters/realtime/port.ts';
import type { Bus, Log } from '../../../bus/service.ts';
import { dialog } from '../../../contracts/dialog.ts';
import type { InputOf, OutputOf } from '../../../contracts/kit/define.ts';
import { setupOf } from './setup.ts';

export interface ToolRun {
  /** Null if the tools failed. */
  readonly ran: OutputOf<typeof dialog.run_tools> | null;
  /** The setup for the state after the tools; null if it is unknown. */
  readonly setup: SpeechSetup | null;
}
export interface ToolRequest {
  /** The last words of the customer, from which agreement is read. */
  readonly said: string | null;
  readonly calls: readonly SpeechCall[];
}
const toolsMs = 20_000;
const longestResult = 12_000;

/** @param keyPrefix of the keys of all runs */
export function createToolRunner(
  {
    customer,
    model,
    keyPrefix,
  }: { readonly customer: InputOf<typeof dialog.list_tools>; readonly model: string; readonly keyPrefix: string },
  { bus, log }: { readonly bus: Pick<Bus, 'call'>; readonly log: Log },
  signal: AbortSignal,
): (request: ToolRequest) => Promise<ToolRun> {
  let runs = 0;
  return async ({ said, calls }) => {
    runs += 1;
    let ran: ToolRun['ran'] = null;
    try {
      const toolCalls = calls.map(({ callId: id, name, arguments: args }) => ({ id, name, arguments: args }));
      const input = { ...customer, said, model, toolCalls };
      ran = await bus.call(dialog.run_tools, input, { key: `${keyPrefix}:tools:${runs}`, timeoutMs: toolsMs, signal });
      return { ran, setup: await setupOf(bus, customer, signal) };
    } catch (err) {
      if (!signal.aborted) log.warn({ err, callId: customer.sessionId }, 'the tools of a call failed');
      return { ran, setup: null };
    }
  };
}

/** The result of a tool call for the model. @param unknown reported if the tools failed */
export function resultText({ ran }: ToolRun, callId: string, unknown: object): string {
  const { outcome, result } = ran?.results.find(({ id }) => id === callId) ?? { outcome: 'failed', result: unknown };
  return JSON.stringify({ outcome, result }).slice(0, longestResult);
}
