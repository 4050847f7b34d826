/**
 * The sideband of a GPT-Live session over SIP. The model listens and speaks; a Responses model behind it calls the tools. Source: OpenAI
 * API reference, Live, sideband; guide «Delegation».
 */
import { WebSocket } from 'ws';
import { z } from 'zod';
import { createOutbox } from '../../outbox.ts';
import type { SipSession, SpeechEvent, SpeechSetup } from '../../realtime/port.ts';
import { broken, connected } from '../../realtime/socket.ts';
import { createLiveTurns } from './live-turns.ts';

export interface LiveOptions {
  readonly apiKey: string;
  /** `wss://api.openai.com/v1/live` */
  readonly liveUrl: string;
  /** `gpt-live-1` */
  readonly liveModel: string;
  /** The Responses model that calls the tools. */
  readonly backendModel: string;
  readonly voice: string;
}
/** A turn ends after this time without a fragment. */
const pauseMs = 1_000;
const [connectMs, maxFrameBytes, maxUnsentBytes] = [5_000, 4_000_000, 1_000_000];
/** The provider accepts 500 tokens; a Russian token has at least two letters. */
const longestInstruction = 1_000;

const Id = z.string().max(512);
const Text = z.string().max(1_000_000);
const fragment = { delta: Text, start_ms: z.number().min(0), end_ms: z.number().min(0) };
const of = <N extends string, S extends z.ZodRawShape>(type: N, shape: S) => z.object({ type: z.literal(type), ...shape });
const Call = z.object({ type: z.literal('function_call'), call_id: Id, name: z.string().max(200), arguments: z.string().max(65_536) });
const LiveEvent = z.discriminatedUnion('type', [
  of('session.input_transcript.delta', fragment),
  of('session.output_transcript.delta', fragment),
  of('transport.dtmf.received', { event: z.string().max(1) }),
  of('response.event', { event: z.object({ type: z.string().max(100), item: z.unknown().optional() }) }),
  of('session.closed', {}),
  of('error', { error: z.object({ code: z.string().max(200).nullish() }) }),
]);
const used = new Set(LiveEvent.options.map(({ shape }) => shape.type.value as string));

/** The setup with which a session is accepted. */
export const liveSessionOf = ({ liveModel, backendModel, voice }: LiveOptions, setup: SpeechSetup) => ({
  ...{ type: 'live', model: liveModel, audio: { output: { voice } } },
  instructions: `${setup.instructions}\n\n${delegation}`,
  delegation: { type: 'responses', responses: { model: backendModel, parallel_tool_calls: false, ...backendOf(setup) } },
});
const delegation =
  'Цены, свободное время, записи и завершение звонка знает и меняет только помощник с инструментами: поручай это ему, не угадывай ответ, пока ждёшь, и не говори, что сделано, раньше его ответа.';
const backendOf = ({ instructions, tools }: SpeechSetup) => ({
  instructions,
  tools: tools.map((tool) => ({ type: 'function', ...tool })),
  tool_choice: 'auto',
});

/** @throws PolybError as specified by the port */
export async function openLiveSession(
  options: LiveOptions,
  sessionId: string,
  { now, signal }: { readonly now: () => number; readonly signal: AbortSignal },
): Promise<SipSession> {
  const socket = new WebSocket(`${options.liveUrl}/sessions/${encodeURIComponent(sessionId)}/attach`, {
    headers: { authorization: `Bearer ${options.apiKey}` },
    handshakeTimeout: connectMs,
    maxPayload: maxFrameBytes,
    perMessageDeflate: false,
  });
  const outbox = createOutbox<SpeechEvent>();
  const turns = createLiveTurns(now);
  let failure: unknown = null;
  let isOver = false;
  let pause: NodeJS.Timeout | undefined;
  /** Calls of the current backend response, and those without a result. */
  let made: z.output<typeof Call>[] = [];
  const pending = new Set<string>();
  let responses = 0;

  function put(events: readonly SpeechEvent[]): void {
    for (const event of events) outbox.put(event);
  }
  function end(error: unknown): void {
    if (isOver) return;
    isOver = true;
    failure = error;
    clearTimeout(pause);
    put(turns.close());
    outbox.end();
    socket.terminate();
  }
  function send(event: Readonly<Record<string, unknown>>): void {
    if (isOver) return;
    if (socket.bufferedAmount > maxUnsentBytes) end(broken('OpenAI', 'stalled'));
    else socket.send(JSON.stringify(event));
  }
  function heard(who: 'customer' | 'agent', { delta, start_ms, end_ms }: z.output<z.ZodObject<typeof fragment>>): void {
    put(turns.fragment(who, delta, start_ms, end_ms));
    clearTimeout(pause);
    pause = setTimeout(() => put(turns.close()), pauseMs);
  }
  function fromBackend({ type, item }: { readonly type: string; readonly item?: unknown }): void {
    if (type === 'response.created') made = [];
    // Snapshots of a whole response have no output; only finished items do.
    if (type === 'response.output_item.done') {
      const call = Call.safeParse(item);
      if (call.success) made.push(call.data);
    }
    if (type === 'response.completed' && made.length > 0) {
      const calls = made.splice(0);
      for (const { call_id } of calls) pending.add(call_id);
      responses += 1;
      put([
        // The tools need the last words of the customer.
        ...turns.close('customer'),
        {
          ...{ kind: 'answered', answer: `backend_${responses}`, outcome: 'completed' },
          calls: calls.map((call) => ({ callId: call.call_id, name: call.name, arguments: call.arguments })),
        },
      ]);
    }
  }
  function take(event: z.output<typeof LiveEvent>): void {
    switch (event.type) {
      case 'session.input_transcript.delta':
        heard('customer', event);
        return;
      case 'session.output_transcript.delta':
        heard('agent', event);
        return;
      case 'transport.dtmf.received':
        put([{ kind: 'key', key: event.event }]);
        return;
      case 'response.event':
        fromBackend(event.event);
        return;
      case 'session.closed':
        end(null);
        return;
      case 'error':
        put([{ kind: 'refused', code: event.error.code ?? 'unknown' }]);
    }
  }
  socket.on('message', (data, isBinary) => {
    if (isBinary || isOver) return;
    try {
      const event: unknown = JSON.parse(String(data));
      const { type } = z.object({ type: z.string() }).parse(event);
      // The audio of both sides arrives here, too.
      if (used.has(type)) take(LiveEvent.parse(event));
    } catch (cause) {
      end(cause);
    }
  });
  socket.on('close', () => end(broken('OpenAI', 'closed')));
  const left = (): void => end(null);
  signal.addEventListener('abort', left, { once: true });
  try {
    await connected(socket, 'OpenAI', signal);
  } catch (error) {
    end(error);
    throw error;
  }
  async function* events(): AsyncGenerator<SpeechEvent> {
    try {
      yield* outbox;
      if (failure !== null) throw failure;
    } finally {
      signal.removeEventListener('abort', left);
      end(null);
    }
  }
  return {
    events: events(),
    // The model speaks on its own; its backend continues once all calls have results.
    answer() {},
    note(who, text) {
      const content = who === 'system' ? text : `${who === 'customer' ? 'Клиент' : 'Ты'}: ${text}`;
      send({ type: 'session.instructions.append', delegation_id: null, content: content.slice(0, longestInstruction) });
    },
    result(call_id, output) {
      send({ type: 'response.item.create', item: { type: 'function_call_output', call_id, output } });
      if (pending.delete(call_id) && pending.size === 0) send({ type: 'response.create' });
    },
    update: (setup) => send({ type: 'session.update', session: { delegation: { type: 'responses', responses: backendOf(setup) } } }),
    close: () => end(null),
  };
}
