/**
 * A fake server of the Realtime API: it hears tones as words, finds turns, speaks, calls functions, and can be interrupted and truncated.
 * Source: OpenAI API reference, Realtime. For tests.
 */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocket, WebSocketServer } from 'ws';
import { encode, rateHz } from '../../media/audio/g711.ts';
import { createSpeechDetector } from '../../media/audio/speech.ts';
import { type FakeReply, type FakeRequest, type FakeServer, type FakeServerOptions, fakeServer } from '../fake-server.ts';
import { pcm, pcmu } from './audio-forms.ts';
import type { AudioForm } from './session.ts';

/** Speech of the model, function calls, or both. */
export interface FakeAnswer {
  readonly says?: string;
  readonly calls?: readonly { readonly name: string; readonly arguments: object }[];
  /** Of `says`; default by its length. */
  readonly ms?: number;
  /** The text is not spoken. */
  readonly isText?: boolean;
  /** The answer fails. */
  readonly fails?: boolean;
  /** If the server has the audio: plays until the customer interrupts. */
  readonly isEndless?: boolean;
}
export interface FakeItem {
  readonly id: string;
  readonly role: string;
  text: string;
  /** Of audio of the model. */
  ms: number;
}
export interface FakeRealtimeOptions extends Pick<FakeServerOptions, 'port' | 'onReply'> {
  /** Recognizes the words in audio of the customer, G.711 μ-law. An answer waits for them. */
  readonly words: (pcmu: Uint8Array) => string | Promise<string>;
  /** @param items the conversation so far, including results of calls @param setup of the session */
  readonly answers: (items: readonly FakeItem[], nth: number, setup: Json) => FakeAnswer;
  /** The sound of an answer, 8 kHz; default: tones. */
  readonly sound?: (answer: FakeAnswer) => Int16Array | Promise<Int16Array>;
  /** Called with each event of a client, except audio. */
  readonly onEvent?: (event: Json) => void;
  /** Requests that are not of the API and need no key; undefined: none of these. */
  readonly orders?: (request: FakeRequest) => FakeReply | Promise<FakeReply> | undefined;
  /** Answers in calls whose audio the server has take as long as their sound, and the customer interrupts them. */
  readonly playsInCalls?: boolean;
  readonly apiKey?: string;
  /** `Api-Key` of Yandex. */
  readonly scheme?: string;
  /** How long an answer takes to begin. */
  readonly thinkMs?: number;
}
export type Json = Readonly<Record<string, unknown>>;
export interface FakeRealtime {
  /** `ws://127.0.0.1:…/v1/realtime` */
  readonly url: string;
  /** Events of clients, oldest first, of all connections. */
  readonly received: readonly Json[];
  readonly connections: readonly { readonly query: string; readonly setup: () => Json }[];
  readonly http: FakeServer;
  /** Items of the latest conversation. */
  readonly items: readonly FakeItem[];
  /** Stops sending on open connections. */
  stall(): void;
  /**
   * To a call whose audio the server has: it answers by itself. @param callId without it, the call of the latest connection
   * @param areWordsLate they are written down after the answer
   */
  customerSays(text: string, how?: { readonly callId?: string; readonly areWordsLate?: boolean }): void;
  /** Ends a call whose audio the server has. */
  customerHangsUp(callId: string): void;
  drop(): void;
  close(): Promise<void>;
}

const chunkMs = 100;
/** The sound of the model: each letter has its own pitch and lasts 20 ms, unless the answer sets its length. */
export const soundOf = ({ says = '', ms = 20 * says.length }: FakeAnswer): Int16Array => {
  const seed = [...says].reduce((sum, letter) => (sum * 31 + (letter.codePointAt(0) ?? 0)) % 9_973, 7);
  return Int16Array.from({ length: (ms * rateHz) / 1_000 }, (_, n) => 4_000 * Math.sin((2 * Math.PI * (300 + (seed % 700)) * n) / rateHz));
};

export async function fakeRealtime(options: FakeRealtimeOptions): Promise<FakeRealtime> {
  const { apiKey = 'sk-test', scheme = 'Bearer', sound = soundOf } = options;
  const sockets = new WebSocketServer({ noServer: true });
  const received: Json[] = [];
  const connections: { query: string; setup: () => Json }[] = [];
  let items: FakeItem[] = [];
  const stalled = new WeakSet<WebSocket>();
  let answersGiven = 0;
  let ids = 0;
  const id = (prefix: string): string => {
    ids += 1;
    return `${prefix}_${ids}`;
  };
  const hearTexts = new Map<string, (text: string, areWordsLate: boolean) => void>();
  let latest = '';
  const attached = new Map<string, Set<WebSocket>>();
  const over = new Set<string>();
  function endCall(call: string): void {
    over.add(call);
    for (const socket of attached.get(call) ?? []) socket.close();
  }
  const setups = new Map<string, Json>();

  const http = await fakeServer({ ...options, onUpgrade: upgrade }, async (request) => {
    const { method, path, headers, body } = request;
    const ordered = await options.orders?.(request);
    if (ordered !== undefined) return ordered;
    if (headers.authorization !== `${scheme} ${apiKey}`) return { status: 401 };
    const [, call, accepted] = /^v1\/(?:realtime\/calls|live\/sessions)\/([^/]+)\/(accept)$/.exec(path) ?? [];
    if (method === 'POST' && accepted !== undefined && call !== undefined) {
      const setup = JSON.parse(body) as Json;
      setups.set(call, (setup.session as Json | undefined) ?? setup);
    }
    const [, ended] = /^v1\/(?:realtime\/calls|live\/sessions)\/([^/]+)\/(?:hangup|refer|reject)$/.exec(path) ?? [];
    if (ended !== undefined) endCall(decodeURIComponent(ended));
    return { status: 200, body: {} };
  });
  function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (request.headers.authorization !== `${scheme} ${apiKey}`) {
      socket.end('HTTP/1.1 401 Unauthorized\r\n\r\n');
      return;
    }
    const query = request.url?.split('?')[1] ?? '';
    if (over.has(new URLSearchParams(query).get('call_id') ?? '')) {
      socket.end('HTTP/1.1 404 Not Found\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, socket, head, (opened) => converse(opened, query));
  }

  function converse(socket: WebSocket, query: string): void {
    const call = new URLSearchParams(query).get('call_id');
    let setup: Json = (call === null ? undefined : setups.get(call)) ?? {};
    let form: AudioForm = pcmu;
    let hear = form.decoder();
    let heard: Uint8Array[] = [];
    let heardMs = 0;
    let detector = createSpeechDetector({ startMs: 60, stopMs: 300 });
    let speaking: string | null = null;
    let active: { readonly id: string; isCancelled: boolean } | null = null;
    const mine: FakeItem[] = [];
    /** The answer that plays until the customer interrupts. */
    let played: string | null = null;
    let ending: NodeJS.Timeout | undefined;
    /** Words of the latest turn, not yet known. */
    let reading: Promise<void> = Promise.resolve();
    socket.once('close', () => clearTimeout(ending));
    if (call !== null) attached.set(call, (attached.get(call) ?? new Set()).add(socket));
    items = mine;
    connections.push({ query, setup: () => setup });
    const send = (event: Json): void => {
      if (!stalled.has(socket) && socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ event_id: id('event'), ...event }));
    };
    const refuse = (code: string): void => send({ type: 'error', error: { type: 'invalid_request_error', code, message: code } });
    const detection = (): Json | null => ((setup.audio as Json)?.input as Json | undefined)?.turn_detection as Json | null;

    function append(pcmuAudio: Uint8Array): void {
      heard.push(pcmuAudio);
      for (let at = 0; at < pcmuAudio.length; at += 160) {
        heardMs += 20;
        if (detection() == null) continue;
        const frame = pcmuAudio.subarray(at, at + 160);
        const edge = detector.push(Int16Array.from(frame, (byte) => (byte === 0xff || byte === 0x7f ? 0 : 8_000)));
        if (edge === 'started') {
          speaking = id('item');
          send({ type: 'input_audio_buffer.speech_started', item_id: speaking, audio_start_ms: Math.max(0, heardMs - 60) });
        } else if (edge === 'stopped') {
          send({ type: 'input_audio_buffer.speech_stopped', item_id: speaking, audio_end_ms: heardMs - 300 });
          commit(speaking ?? id('item'));
          if (detection()?.create_response !== false) void respond();
          speaking = null;
        }
      }
    }
    function commit(item: string): void {
      const audio = Buffer.concat(heard);
      heard = [];
      if (audio.length < 800) {
        refuse('input_audio_buffer_commit_empty');
        return;
      }
      const words = options.words(audio);
      const turn: FakeItem = { id: item, role: 'user', text: '', ms: 0 };
      mine.push(turn);
      send({ type: 'input_audio_buffer.committed', item_id: item, previous_item_id: null });
      const write = (text: string): void => {
        turn.text = text;
        send({ type: 'conversation.item.input_audio_transcription.delta', item_id: item, content_index: 0, delta: text });
        send({ type: 'conversation.item.input_audio_transcription.completed', item_id: item, content_index: 0, transcript: text });
      };
      if (typeof words === 'string') write(words);
      else reading = Promise.all([reading, words]).then(([, text]) => write(text));
    }
    async function respond(): Promise<void> {
      if (active !== null) {
        refuse('conversation_already_has_active_response');
        return;
      }
      const response = { id: id('resp'), isCancelled: false };
      active = response;
      send({ type: 'response.created', response: { id: response.id, status: 'in_progress', output: [] } });
      if (options.thinkMs !== undefined) await new Promise((resolve) => setTimeout(resolve, options.thinkMs));
      await reading;
      answersGiven += 1;
      const answer = response.isCancelled ? {} : options.answers(mine, answersGiven, setup);
      const output: Json[] = [];
      if (answer.says !== undefined) await speak(response, answer, output);
      if (!response.isCancelled)
        for (const each of answer.calls ?? []) {
          const item = {
            id: id('item'),
            type: 'function_call',
            call_id: id('call'),
            name: each.name,
            arguments: JSON.stringify(each.arguments),
          };
          output.push(item);
          send({ type: 'response.output_item.added', response_id: response.id, item: { ...item, arguments: '' } });
          send({
            type: 'response.function_call_arguments.done',
            response_id: response.id,
            item_id: item.id,
            call_id: item.call_id,
            arguments: item.arguments,
          });
          send({ type: 'response.output_item.done', response_id: response.id, item });
        }
      active = null;
      const status = response.isCancelled ? 'cancelled' : answer.fails ? 'failed' : 'completed';
      send({ type: 'response.done', response: { id: response.id, status, output, status_details: null } });
      if (call === null || answer.says === undefined) return;
      if (answer.isEndless || options.playsInCalls) played = response.id;
      if (answer.isEndless) return;
      const end = (): void => {
        played = null;
        send({ type: 'output_audio_buffer.stopped', response_id: response.id });
      };
      if (options.playsInCalls) ending = setTimeout(end, mine.findLast(({ role }) => role === 'assistant')?.ms);
      else end();
    }
    async function speak(
      response: { readonly id: string; readonly isCancelled: boolean },
      answer: FakeAnswer,
      output: Json[],
    ): Promise<void> {
      const { says = '', isText = false } = answer;
      const item: FakeItem = { id: id('item'), role: 'assistant', text: says, ms: 0 };
      mine.push(item);
      const at = { response_id: response.id, item_id: item.id, output_index: 0, content_index: 0 };
      send({ type: 'response.output_item.added', response_id: response.id, item: { id: item.id, type: 'message', role: 'assistant' } });
      if (call !== null) send({ type: 'output_audio_buffer.started', response_id: response.id });
      if (isText) send({ type: 'response.output_text.delta', ...at, delta: says });
      else {
        const coded = form.encoder();
        const speech = await sound(answer);
        const samples = (chunkMs * rateHz) / 1_000;
        for (let from = 0; from < speech.length && !response.isCancelled; from += samples) {
          const part = says.slice(
            Math.floor((says.length * from) / speech.length),
            Math.floor((says.length * (from + samples)) / speech.length),
          );
          send({ type: 'response.output_audio_transcript.delta', ...at, delta: part });
          send({
            type: 'response.output_audio.delta',
            ...at,
            delta: Buffer.from(coded(encode('PCMU', speech.subarray(from, from + samples)))).toString('base64'),
          });
          item.ms += Math.min(samples, speech.length - from) / 8;
          await new Promise((resolve) => setImmediate(resolve));
        }
        send({ type: 'response.output_audio.done', ...at });
      }
      output.push({ id: item.id, type: 'message', role: 'assistant', status: response.isCancelled ? 'incomplete' : 'completed' });
      send({ type: 'response.output_item.done', response_id: response.id, item: output.at(-1) });
    }
    function take(event: Json): void {
      switch (event.type) {
        case 'session.update': {
          setup = { ...setup, ...(event.session as Json) };
          const input = ((event.session as Json).audio as Json | undefined)?.input as
            | { format: { type: string; rate?: number } }
            | undefined;
          if (input !== undefined) {
            form = input.format.type === 'audio/pcmu' ? pcmu : pcm(input.format.rate ?? 24_000);
            hear = form.decoder();
          }
          send({ type: 'session.updated', session: setup });
          return;
        }
        case 'input_audio_buffer.append':
          append(hear(Buffer.from(String(event.audio), 'base64')));
          return;
        case 'input_audio_buffer.commit':
          commit(id('item'));
          return;
        case 'input_audio_buffer.clear':
          heard = [];
          detector = createSpeechDetector({ startMs: 60, stopMs: 300 });
          send({ type: 'input_audio_buffer.cleared' });
          return;
        case 'response.create':
          return void respond();
        case 'response.cancel':
          if (active === null) {
            refuse('response_cancel_not_active');
            return;
          }
          active.isCancelled = true;
          return;
        case 'conversation.item.create': {
          const item = event.item as {
            readonly type: string;
            readonly role?: string;
            readonly output?: string;
            readonly content?: readonly { text: string }[];
          };
          const text = item.output ?? item.content?.map((part) => part.text).join('') ?? '';
          mine.push({ id: id('item'), role: item.role ?? 'tool', text, ms: 0 });
          send({ type: 'conversation.item.added', item: { id: mine.at(-1)?.id, ...item } });
          return;
        }
        case 'conversation.item.delete': {
          const at = mine.findIndex((item) => item.id === event.item_id);
          if (at < 0) {
            refuse('item_delete_invalid_item_id');
            return;
          }
          mine.splice(at, 1);
          send({ type: 'conversation.item.deleted', item_id: event.item_id });
          return;
        }
        case 'conversation.item.truncate': {
          const item = mine.find((each) => each.id === event.item_id);
          const ms = Number(event.audio_end_ms);
          if (item === undefined || item.role !== 'assistant') {
            refuse('item_truncate_invalid_item_id');
            return;
          }
          if (!Number.isInteger(ms) || ms > item.ms) {
            refuse('invalid_value');
            return;
          }
          // Cut the text to the part that was heard.
          item.text = item.text.slice(0, Math.floor((item.text.length * ms) / item.ms));
          item.ms = ms;
          send({ type: 'conversation.item.truncated', item_id: item.id, content_index: 0, audio_end_ms: ms });
          return;
        }
        default:
          refuse('unknown_event');
          return;
      }
    }
    latest = call ?? '';
    hearTexts.set(latest, (text, areWordsLate) => {
      const item = id('item');
      const write = (): void =>
        send({ type: 'conversation.item.input_audio_transcription.completed', item_id: item, content_index: 0, transcript: text });
      mine.push({ id: item, role: 'user', text, ms: 0 });
      send({ type: 'input_audio_buffer.speech_started', item_id: item, audio_start_ms: heardMs });
      if (played !== null) send({ type: 'output_audio_buffer.cleared', response_id: played });
      clearTimeout(ending);
      played = null;
      heardMs += 500;
      send({ type: 'input_audio_buffer.speech_stopped', item_id: item, audio_end_ms: heardMs });
      send({ type: 'input_audio_buffer.committed', item_id: item });
      if (!areWordsLate) write();
      void respond().then(() => areWordsLate && write());
    });
    socket.on('message', (data) => {
      const event = JSON.parse(String(data)) as Json;
      received.push(event);
      if (event.type !== 'input_audio_buffer.append') options.onEvent?.(event);
      take(event);
    });
    send({ type: 'session.created', session: { id: id('sess') } });
  }

  return {
    url: `${http.url.replace('http', 'ws')}/v1/realtime`,
    received,
    connections,
    http,
    get items() {
      return items;
    },
    stall() {
      for (const socket of sockets.clients) stalled.add(socket);
    },
    customerSays: (text, { callId = latest, areWordsLate = false } = {}) => hearTexts.get(callId)?.(text, areWordsLate),
    customerHangsUp: endCall,
    drop() {
      for (const socket of sockets.clients) socket.terminate();
    },
    async close() {
      for (const socket of sockets.clients) socket.terminate();
      await http.close();
      sockets.close();
      if (sockets.clients.size > 0) await once(sockets, 'close');
    },
  };
}
