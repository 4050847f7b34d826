/**
 * A session of the Realtime API over a WebSocket, for every provider with its events. Address, headers and audio format depend on the
 * provider. Source: OpenAI API reference, Realtime client and server events (GA).
 */
import { WebSocket } from 'ws';
import { PolybError } from '../../contracts/kit/errors.ts';
import { type CalledFunction, readEvent, type ServerEvent } from './events.ts';
import type { SpeechEvent, SpeechOptions, SpeechSession, SpeechSetup } from './port.ts';
import { broken, connected } from './socket.ts';

/** The audio format of a provider. */
export interface AudioForm {
  /** `{ type: 'audio/pcmu' }` */
  readonly format: Readonly<Record<string, unknown>>;
  /** Creates a converter of one signal from G.711. */
  encoder(): (pcmu: Uint8Array) => Uint8Array;
  /** Creates a converter of one signal to G.711; null ends the signal. */
  decoder(): (audio: Uint8Array | null) => Uint8Array;
}
export interface Wire {
  /** For error messages. */
  readonly provider: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly audio: AudioForm;
  readonly voice: string | undefined;
  /** The model that transcribes the customer. */
  readonly transcription: Readonly<Record<string, unknown>> | null;
  /** How long the provider may be silent while an event is due. */
  readonly silentMs: number;
}

const [connectMs, maxFrameBytes, maxUnsentBytes] = [5_000, 4_000_000, 1_000_000];
/** An answer cancelled by the provider, or already over when it was cancelled, is not a failure. */
const outcomes = { completed: 'completed', cancelled: 'cancelled', incomplete: 'incomplete' } as const;

/** @param attached the session and its setup already exist, for a call accepted over HTTP */
export async function openSession(wire: Wire, options: SpeechOptions, signal: AbortSignal, attached = false): Promise<SpeechSession> {
  const socket = new WebSocket(wire.url, {
    headers: wire.headers,
    handshakeTimeout: connectMs,
    maxPayload: maxFrameBytes,
    perMessageDeflate: false,
  });
  const over = new AbortController();
  const queue: SpeechEvent[] = [];
  let wake = Promise.withResolvers<void>();
  let failure: unknown = null;
  let isClosed = false;
  let watchdog: NodeJS.Timeout | undefined;
  /** Number of requests with an event due. */
  let owed = 0;
  let active: string | null = null;
  /** An answer has been requested but has not begun. */
  let isRequested = false;
  let isDue = false;
  /** Cancelled answers, whose events are dropped. */
  const cancelled = new Set<string>();
  let isCancelledEarly = false;
  const calls = new Map<string, CalledFunction>();
  const decoders = new Map<string, ReturnType<AudioForm['decoder']>>();
  const encode = wire.audio.encoder();
  const ready = Promise.withResolvers<void>();
  ready.promise.catch(() => {}); // Awaited below, unless the connection fails first.

  function put(event: SpeechEvent): void {
    queue.push(event);
    wake.resolve();
  }
  function end(error: unknown): void {
    if (isClosed) return;
    isClosed = true;
    failure = error;
    clearTimeout(watchdog);
    ready.reject(error ?? broken(wire.provider, 'closed'));
    over.abort();
    wake.resolve();
    socket.terminate();
  }
  function watch(): void {
    clearTimeout(watchdog);
    if (isClosed || (owed === 0 && active === null && !isRequested)) return;
    watchdog = setTimeout(() => end(broken(wire.provider, 'silent')), wire.silentMs);
  }
  function send(event: Readonly<Record<string, unknown>>, owes = false): void {
    if (isClosed) return;
    if (socket.bufferedAmount > maxUnsentBytes) {
      end(broken(wire.provider, 'stalled'));
      return;
    }
    socket.send(JSON.stringify(event));
    if (!owes) return;
    owed += 1;
    watch();
  }
  function request(): void {
    isDue = false;
    isRequested = true;
    send({ type: 'response.create' });
    watch();
  }
  function take(event: ServerEvent): void {
    if ('response_id' in event && cancelled.has(event.response_id)) return;
    switch (event.type) {
      case 'session.created':
        return;
      case 'session.updated':
        owed = Math.max(0, owed - 1);
        ready.resolve();
        return;
      case 'input_audio_buffer.speech_started':
        put({ kind: 'speech_started', item: event.item_id, atMs: event.audio_start_ms });
        return;
      case 'input_audio_buffer.speech_stopped':
        put({ kind: 'speech_stopped', item: event.item_id, atMs: event.audio_end_ms });
        return;
      case 'input_audio_buffer.committed':
        if (options.turns === 'own') owed = Math.max(0, owed - 1);
        put({ kind: 'committed', item: event.item_id ?? null });
        return;
      case 'output_audio_buffer.started':
        put({ kind: 'playing', answer: event.response_id });
        return;
      case 'output_audio_buffer.stopped':
      case 'output_audio_buffer.cleared':
        put({ kind: 'heard', answer: event.response_id, isWhole: event.type === 'output_audio_buffer.stopped' });
        return;
      case 'input_audio_buffer.dtmf_event_received':
        put({ kind: 'key', key: event.event });
        return;
      case 'conversation.item.input_audio_transcription.delta':
        put({ kind: 'words', item: event.item_id, text: event.delta, isFinal: false });
        return;
      case 'conversation.item.input_audio_transcription.completed':
        put({ kind: 'words', item: event.item_id, text: event.transcript.trim(), isFinal: true });
        return;
      case 'conversation.item.input_audio_transcription.failed':
        put({ kind: 'words', item: event.item_id, text: '', isFinal: true });
        return;
      case 'response.created':
        active = event.response.id;
        isRequested = false;
        calls.clear();
        if (isCancelledEarly) {
          isCancelledEarly = false;
          cancelled.add(active);
          send({ type: 'response.cancel' });
          return;
        }
        put({ kind: 'answering', answer: active });
        return;
      case 'response.output_audio.delta': {
        const decode = decoders.get(event.item_id) ?? wire.audio.decoder();
        decoders.set(event.item_id, decode);
        put({ kind: 'audio', answer: event.response_id, item: event.item_id, pcmu: decode(Buffer.from(event.delta, 'base64')) });
        return;
      }
      case 'response.output_audio.done': {
        const rest = decoders.get(event.item_id)?.(null);
        decoders.delete(event.item_id);
        if (rest !== undefined && rest.length > 0) put({ kind: 'audio', answer: event.response_id, item: event.item_id, pcmu: rest });
        return;
      }
      case 'response.output_audio_transcript.delta':
      case 'response.output_text.delta':
        put({
          ...{ kind: 'text', answer: event.response_id, item: event.item_id, text: event.delta },
          hasAudio: event.type === 'response.output_audio_transcript.delta',
        });
        return;
      case 'response.output_item.done':
        if ('call_id' in event.item) calls.set(event.item.call_id, event.item);
        else if (event.item.id !== undefined) put({ kind: 'said', answer: event.response_id, item: event.item.id });
        return;
      case 'response.done':
        answered(event.response);
        return;
      case 'error':
        refused(event.error);
        return;
    }
  }
  function answered({ id, status = 'completed', output = [] }: Extract<ServerEvent, { type: 'response.done' }>['response']): void {
    for (const item of output) if ('call_id' in item) calls.set(item.call_id, item);
    active = null;
    decoders.clear();
    if (!cancelled.delete(id)) reportAnswer(id, status);
    if (isDue) request();
  }
  function reportAnswer(id: string, status: string): void {
    const outcome = outcomes[status as keyof typeof outcomes] ?? 'failed';
    const made = outcome === 'completed' ? [...calls.values()] : [];
    put({
      ...{ kind: 'answered', answer: id, outcome },
      calls: made.map((call) => ({ callId: call.call_id, name: call.name, arguments: call.arguments })),
    });
  }
  function refused({ code, message }: Extract<ServerEvent, { type: 'error' }>['error']): void {
    ready.reject(
      new PolybError('failed_precondition', `${wire.provider} refused the session: ${(message ?? code ?? 'unknown').slice(0, 300)}`, {
        reason: 'upstream_refused',
      }),
    );
    owed = Math.max(0, owed - 1);
    // The provider has started an answer itself: the requested one follows it.
    if (code === 'conversation_already_has_active_response') isDue = true;
    if (code !== 'response_cancel_not_active') isRequested = false;
    put({ kind: 'refused', code: code ?? 'unknown' });
  }

  socket.on('message', (data, isBinary) => {
    if (isBinary || isClosed) return;
    try {
      const event = readEvent(String(data));
      if (event !== null) take(event);
    } catch (cause) {
      end(new PolybError('upstream_failed', `${wire.provider} sent an event that cannot be read.`, { reason: 'bad_reply', cause }));
    }
    watch();
  });
  socket.on('close', () => end(broken(wire.provider, 'closed')));
  const left = (): void => end(null);
  signal.addEventListener('abort', left, { once: true });
  try {
    await connected(socket, wire.provider, signal);
    if (!attached) {
      send({ type: 'session.update', session: sessionOf(wire, options) }, true);
      for (const { who, text } of options.history) note(who, text);
      await ready.promise;
    }
  } catch (error) {
    end(error);
    if (signal.aborted) throw new PolybError('cancelled', 'The speech session is no longer wanted.');
    throw error;
  }

  function note(who: 'customer' | 'agent' | 'system', text: string): void {
    const role = who === 'agent' ? 'assistant' : who === 'customer' ? 'user' : 'system';
    const content = [{ type: who === 'agent' ? 'output_text' : 'input_text', text }];
    send({ type: 'conversation.item.create', item: { type: 'message', role, content } });
  }
  async function* events(): AsyncGenerator<SpeechEvent> {
    try {
      for (;;) {
        for (let event = queue.shift(); event !== undefined; event = queue.shift()) yield event;
        if (failure !== null) throw failure;
        if (isClosed) return;
        await wake.promise;
        wake = Promise.withResolvers<void>();
      }
    } finally {
      signal.removeEventListener('abort', left);
      end(null);
    }
  }
  return {
    events: events(),
    hear: (pcmu) => send({ type: 'input_audio_buffer.append', audio: Buffer.from(encode(pcmu)).toString('base64') }),
    commit: () => send({ type: 'input_audio_buffer.commit' }, true),
    forget: () => send({ type: 'input_audio_buffer.clear' }),
    answer() {
      if (active === null && !isRequested) request();
      else isDue = true;
    },
    cancel() {
      isDue = false;
      // Cancel an answer that has not begun as soon as it does: the server does not know it before.
      if (active === null) isCancelledEarly = isRequested;
      else if (!cancelled.has(active)) {
        cancelled.add(active);
        send({ type: 'response.cancel' });
      }
    },
    truncate(item, heardMs) {
      const audio_end_ms = Math.floor(heardMs);
      if (audio_end_ms > 0) send({ type: 'conversation.item.truncate', item_id: item, content_index: 0, audio_end_ms });
      else send({ type: 'conversation.item.delete', item_id: item });
    },
    note,
    result: (call_id, output) => send({ type: 'conversation.item.create', item: { type: 'function_call_output', call_id, output } }),
    update: (setup) => send({ type: 'session.update', session: { type: 'realtime', ...setupOf(setup) } }, true),
    close: () => end(null),
  };
}

/** The complete setup of a session, also used to accept a call over HTTP. */
export function sessionOf({ audio, voice, transcription }: Pick<Wire, 'audio' | 'voice' | 'transcription'>, options: SpeechOptions) {
  const language = options.language.slice(0, 2);
  const detection = options.turns === 'own' ? null : { type: options.turns, create_response: false, interrupt_response: false };
  const spoken = options.voice ?? voice;
  return {
    type: 'realtime',
    output_modalities: ['audio'],
    ...setupOf(options),
    audio: {
      input: {
        format: audio.format,
        transcription: transcription === null ? null : { ...transcription, language },
        turn_detection: detection,
      },
      output: { format: audio.format, ...(spoken === undefined ? {} : { voice: spoken }) },
    },
  };
}
const setupOf = ({ instructions, tools }: SpeechSetup) => ({
  instructions,
  tools: tools.map((tool) => ({ type: 'function', ...tool })),
  tool_choice: 'auto',
});
