/** The session of a call whose audio the provider has: it runs the tools, has our words said, and hangs up. */
import type { SipCalls, SpeechCall, SpeechOptions } from '../../../adapters/realtime/port.ts';
import type { Bus, Log } from '../../../bus/service.ts';
import { dialog } from '../../../contracts/dialog.ts';
import type { InputOf, OutputOf } from '../../../contracts/kit/define.ts';
import { endCall } from './machine.ts';
import { setupOf } from './setup.ts';

const toolsMs = 20_000;
const longestResult = 12_000;
const keysOf: Readonly<Record<string, string>> = { '1': 'да', '2': 'нет' };

/** Resolves when the call has ended. */
export async function runSideband(
  sip: SipCalls,
  {
    callId,
    customer,
    options,
  }: { readonly callId: string; readonly customer: InputOf<typeof dialog.list_tools>; readonly options: SpeechOptions },
  { bus, log }: { readonly bus: Pick<Bus, 'call'>; readonly log: Log },
  signal: AbortSignal,
): Promise<void> {
  const session = await sip.attach(callId, options, signal);
  let said: string | null = null;
  let isProposed = false;
  let isLast = false;
  let hasSpoken = false;
  let runs = 0;
  async function run(calls: readonly SpeechCall[]): Promise<void> {
    runs += 1;
    const input = {
      ...customer,
      said,
      model: 'openai',
      toolCalls: calls.map(({ callId: id, name, arguments: args }) => ({ id, name, arguments: args })),
    };
    said = null;
    let ran: OutputOf<typeof dialog.run_tools> | null = null;
    try {
      ran = await bus.call(dialog.run_tools, input, { key: `${callId}:tools:${runs}`, timeoutMs: toolsMs, signal });
      session.update(await setupOf(bus, customer, signal));
    } catch (err) {
      if (!signal.aborted) log.warn({ err, callId }, 'the tools of a call failed');
    }
    isProposed = (ran?.proposals.length ?? 0) > 0;
    isLast ||= ran?.isHandedOver ?? false;
    for (const { callId: id } of calls) {
      const { outcome, result } = ran?.results.find((each) => each.id === id) ?? { outcome: 'failed', result: { error: 'failed' } };
      session.result(id, JSON.stringify({ outcome, result }).slice(0, longestResult));
    }
    if (ran?.say != null) session.note('system', `Скажи клиенту слово в слово: «${ran.say}»`);
    if (calls.length > 0 || ran?.say != null) session.answer();
  }
  for await (const event of session.events) {
    if (event.kind === 'words' && event.isFinal && event.text !== '') said = event.text;
    else if (event.kind === 'key') said = keysOf[event.key] ?? said;
    if (isProposed && said !== null && (event.kind === 'words' || event.kind === 'key')) await run([]);
    if (event.kind === 'answering') hasSpoken = false;
    if (event.kind === 'text') hasSpoken = true;
    if (event.kind === 'answered') {
      const calls = event.calls.filter(({ name }) => name !== endCall);
      for (const { callId: id, name } of event.calls) if (name === endCall) session.result(id, '{"ok":true}');
      isLast ||= calls.length < event.calls.length;
      if (calls.length > 0) await run(calls);
      else if (event.calls.length > 0 && !hasSpoken) session.answer();
    }
    // The last word was played.
    if (event.kind === 'heard' && isLast) await sip.hangUp(callId, signal);
  }
}
