/** The session of a call whose audio the provider has: runs tools, has system texts spoken, stores both sides, and hangs up. */
import type { SipSession, SpeechCall } from '../../../adapters/realtime/port.ts';
import type { Bus, Log } from '../../../bus/service.ts';
import type { dialog } from '../../../contracts/dialog.ts';
import type { InputOf } from '../../../contracts/kit/define.ts';
import type { TalkEntry } from '../talk/machine.ts';
import { endCall } from './machine.ts';
import { createToolRunner, resultText } from './run-tools.ts';
import { createSpokenEntries } from './spoken-entries.ts';

/** A model that has taken leave, or handed over, and says nothing more. */
const partingMs = 5_000;
const keysOf: Readonly<Record<string, string>> = { '1': 'да', '2': 'нет' };

interface SidebandParts {
  readonly bus: Pick<Bus, 'call'>;
  readonly log: Log;
  /** Unix ms. */
  readonly now: () => number;
  /** Stores an entry of the transcript. */
  readonly note: (entry: TalkEntry) => Promise<void>;
  /** Called after the last word. @param handsOver the customer wants a person, and staff is there */
  readonly end: (handsOver: boolean) => Promise<void>;
}
/** How a session ended: this system ended the call, or the session is gone. `hadEvents`: there were events of the call before. */
export type SidebandEnd = { readonly how: 'ended' } | { readonly how: 'gone'; readonly hadEvents: boolean };

/** Resolves when the session is over. Keys of tool runs begin with `runKey`. */
export async function runSideband(
  session: SipSession,
  { customer, runKey }: { readonly customer: InputOf<typeof dialog.list_tools>; readonly runKey: string },
  { bus, log, now, note, end }: SidebandParts,
  signal: AbortSignal,
): Promise<SidebandEnd> {
  const callId = customer.sessionId;
  const entries = createSpokenEntries(now);
  let noted: Promise<void> = Promise.resolve();
  let said: string | null = null;
  let isProposed = false;
  let isLast = false;
  let handsOver = false;
  let hasSpoken = false;
  let hadEvents = false;
  let isPlaying = false;
  let parting: NodeJS.Timeout | undefined;
  let hasParted = false;
  const runTools = createToolRunner({ customer, model: 'openai', keyPrefix: runKey }, { bus, log }, signal);
  function store(entry: TalkEntry): void {
    noted = noted
      .then(() => note(entry))
      .catch((err: unknown) => log.warn({ err, callId }, 'an entry of the transcript could not be stored'));
  }
  async function answerCalls(calls: readonly SpeechCall[]): Promise<void> {
    const running = runTools({ said, calls });
    said = null;
    const run = await running;
    const { ran, setup } = run;
    if (setup !== null) session.update(setup);
    isProposed = (ran?.proposals.length ?? 0) > 0;
    handsOver ||= ran?.isHandedOver === true && !ran.isStaffAway;
    isLast ||= ran?.isHandedOver ?? false;
    for (const { callId: id } of calls) session.result(id, resultText(run, id, { error: 'failed' }));
    if (ran?.say != null) session.note('system', `Скажи клиенту слово в слово: «${ran.say}»`);
    if (calls.length > 0 || ran?.say != null) session.answer();
  }
  async function talk(): Promise<SidebandEnd> {
    for await (const event of session.events) {
      hadEvents = true;
      const entry = entries.take(event);
      if (entry !== null) store(entry);
      if (event.kind === 'words' && event.isFinal && event.text !== '') said = event.text;
      else if (event.kind === 'key') said = keysOf[event.key] ?? said;
      if (isProposed && said !== null && (event.kind === 'words' || event.kind === 'key')) await answerCalls([]);
      if (event.kind === 'answering') hasSpoken = false;
      if (event.kind === 'text') hasSpoken = true;
      if (event.kind === 'answered') {
        const calls = event.calls.filter(({ name }) => name !== endCall);
        for (const { callId: id, name } of event.calls) if (name === endCall) session.result(id, '{"ok":true}');
        isLast ||= calls.length < event.calls.length;
        if (calls.length > 0) await answerCalls(calls);
        else if (event.calls.length > 0 && !hasSpoken) session.answer();
      }
      if (event.kind === 'playing') isPlaying = true;
      if (event.kind === 'heard') isPlaying = false;
      clearTimeout(parting);
      // The last word was played.
      if (isLast && event.kind === 'heard' && event.isWhole) return await part();
      if (isLast && !isPlaying) parting = setTimeout(() => leave(), partingMs);
    }
    return hasParted ? await part() : { how: 'gone', hadEvents };
  }
  function leave(): void {
    hasParted = true;
    session.close();
  }
  async function part(): Promise<SidebandEnd> {
    await end(handsOver);
    return { how: 'ended' };
  }
  try {
    return await talk();
  } catch (err) {
    if (!signal.aborted) log.info({ err, callId }, 'the session of a call at the speech model is over');
    return { how: 'gone', hadEvents };
  } finally {
    clearTimeout(parting);
    session.close();
    for (const entry of entries.end()) store(entry);
    await noted;
  }
}
