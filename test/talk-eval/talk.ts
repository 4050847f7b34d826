/**
 * One talk in virtual time: the production code of a leg, with stand-ins for the line, ear, voice and dialog. The line carries real audio,
 * frame by frame through G.711, with its noise and the echo of the agent.
 */
import { setImmediate as settled } from 'node:timers/promises';
import type { z } from 'zod';
import { createOutbox, type Outbox } from '../../adapters/outbox.ts';
import type { Bus } from '../../bus/service.ts';
import { asr } from '../../contracts/asr.ts';
import { dialog } from '../../contracts/dialog.ts';
import { telephony } from '../../contracts/telephony.ts';
import { tts } from '../../contracts/tts.ts';
import { decode, encode, silence } from '../../media/audio/g711.ts';
import { quiet } from '../../runtime/noop-log.ts';
import type { TalkEntry } from '../../services/call-orchestrator/talk/machine.ts';
import { russianRules, type TalkRules } from '../../services/call-orchestrator/talk/rules.ts';
import { runTalk } from '../../services/call-orchestrator/talk/run-talk.ts';
import type { Timers } from '../../services/call-orchestrator/talk/talk-parts.ts';
import type { Sound, Stretch } from './sound.ts';

/** A sound of the caller. Times are ms of the talk. */
export interface CallerSound extends Stretch {
  readonly step: number;
  readonly pauses: readonly Stretch[];
  readonly words: string;
  /** The agent's sentence at the time it began. */
  readonly over: string | null;
}
export interface Observation {
  readonly made: readonly CallerSound[];
  readonly asked: readonly { readonly at: number; readonly message: string }[];
  readonly tools: readonly string[];
  /** Time spans in which the agent was heard without a break. */
  readonly heard: readonly (Stretch & { readonly text: string })[];
  readonly entries: readonly TalkEntry[];
  readonly hungUpAt: number | null;
  readonly endedAt: number;
}
/** When a sound begins: `waitMs` after the agent has begun a sentence that matches, or after it has fallen silent. */
export interface Cue {
  readonly over?: RegExp | undefined;
  /** Counts from the end of the previous step. */
  readonly isStraight: boolean;
  readonly waitMs: number;
}
export interface TalkScene {
  readonly greeting: string;
  readonly rules?: Partial<TalkRules>;
  readonly caller: readonly { readonly cue: Cue; readonly sound: Sound }[];
  readonly replies: readonly ScriptedReply[];
  readonly echo?: { readonly gain: number; readonly delayMs: number } | undefined;
  /** Adds noise of the line, from its beginning. */
  readonly noise: (frame: Int16Array) => void;
  readonly untilMs: number;
}
export interface ScriptedReply {
  readonly to: RegExp | null;
  readonly sentence: string | null;
  readonly tool: string | null;
  readonly expects: readonly z.infer<typeof import('../../contracts/dialog.ts').Expected>[];
  readonly afterMs: number;
}
/** Synthesizes a text with the agent's voice, as G.711 μ-law. */
export type AgentVoice = (text: string) => Uint8Array;

const frameMs = 20;
const frameBytes = 160;
/** Delays of the providers. */
const [partialMs, finalMs, firstAudioMs] = [250, 250, 80];
/** The agent has finished this long after its last frame. */
const finishedMs = 100;
/** A word is heard if this share of it is in the audio. */
const wordShare = 0.5;
const startedAt = 1_800_000_000_000;

export async function observe(scene: TalkScene, voice: AgentVoice): Promise<Observation> {
  let ms = 0;
  const clock = timersAt(() => ms);
  const made: CallerSound[] = [];
  const words: (Stretch & { readonly text: string })[] = [];
  const asked: { readonly at: number; readonly message: string }[] = [];
  const tools: string[] = [];
  const entries: TalkEntry[] = [];
  const heard: (Stretch & { text: string; to: number })[] = [];
  let hungUpAt: number | null = null;

  // The leg: its playback, and audio from the phone.
  const down = createOutbox<z.output<typeof telephony.media.down>>();
  let playing: { readonly id: string; readonly audio: Uint8Array; at: number }[] = [];
  const texts = new Map<string, string>();
  const report = (id: string, bytes: number): void => down.put({ played: id, ms: Math.round(bytes / 8) });
  async function play(up: AsyncIterable<z.input<typeof telephony.media.up>>): Promise<void> {
    for await (const item of up) {
      if ('audio' in item) playing.push({ id: item.id, audio: item.audio, at: 0 });
      else if ('clear' in item) {
        for (const { id, at } of playing) report(id, at);
        playing = [];
      }
    }
  }
  /** The next frame of the agent, and its text. */
  function agentFrame(): { readonly frame: Uint8Array; readonly text: string | null } {
    const frame = new Uint8Array(frameBytes).fill(silence.PCMU);
    let text: string | null = null;
    for (let filled = 0; filled < frameBytes; ) {
      const [chunk] = playing;
      if (chunk === undefined) break;
      text = texts.get(chunk.id.split('.')[0] as string) ?? null;
      const part = chunk.audio.subarray(chunk.at, chunk.at + frameBytes - filled);
      frame.set(part, filled);
      filled += part.length;
      chunk.at += part.length;
      if (chunk.at < chunk.audio.length) break;
      playing.shift();
      report(chunk.id, chunk.audio.length);
    }
    return { frame, text };
  }

  // The ear knows the words on the line, but recognizes only those in the audio it is sent.
  const line = Buffer.alloc((scene.untilMs + 1_000) * 8);
  let lineEnd = 0;
  async function* listen(up: AsyncIterable<z.input<typeof asr.recognize_stream.up>>) {
    const out = createOutbox<z.output<typeof asr.recognize_stream.down>>();
    let position = 0;
    let sent: Stretch[] = [];
    let said = '';
    const wordsSent = (untilMs: number): string =>
      words
        .filter(({ from, to }) => {
          const within = sent.reduce((sum, part) => sum + Math.max(0, Math.min(to, part.to, untilMs) - Math.max(from, part.from)), 0);
          return within >= (to - from) * wordShare;
        })
        .map(({ text }) => text)
        .join(' ');
    const hearing = (async () => {
      for await (const item of up) {
        if (item instanceof Uint8Array) {
          const found = line.subarray(0, lineEnd).indexOf(item, position);
          const from = found < 0 ? position : found;
          position = from + item.length;
          sent.push({ from: from / 8, to: position / 8 });
          const [mine, until] = [sent, position / 8];
          clock.after(partialMs, () => {
            if (sent !== mine) return;
            const text = wordsSent(until);
            if (text === said) return;
            said = text;
            out.put({ kind: 'partial', text });
          });
          continue;
        }
        if ('expects' in item) continue;
        const text = wordsSent(Number.POSITIVE_INFINITY);
        [sent, said] = [[], ''];
        clock.after(finalMs, () => {
          if (text !== '') out.put({ kind: 'final', text, confidence: null, words: [], startMs: 0, endMs: 0, provider: 'talk-eval' });
          out.put({ kind: 'finalized' });
        });
      }
      out.end();
    })();
    yield* out;
    await hearing;
  }
  async function* speak(up: AsyncIterable<z.input<typeof tts.synthesize_stream.up>>) {
    const out = createOutbox<z.output<typeof tts.synthesize_stream.down>>();
    const cancelled = new Set<string>();
    const speaking = (async () => {
      for await (const item of up) {
        if ('cancel' in item) {
          cancelled.add(item.cancel);
          continue;
        }
        texts.set(item.id, item.text);
        clock.after(firstAudioMs, () => {
          if (cancelled.has(item.id)) return;
          const audio = voice(item.text);
          for (let at = 0; at < audio.length; at += 8_000) out.put({ id: item.id, audio: audio.subarray(at, at + 8_000) as never });
          out.put({ id: item.id, end: true, voice: 'ru', provider: 'espeak', durationMs: Math.round(audio.length / 8) });
        });
      }
      out.end();
    })();
    yield* out;
    await speaking;
  }
  const replies = [...scene.replies];
  async function* answer({ sessionId, message }: z.input<typeof dialog.dialog_stream.input>, up: AsyncIterable<unknown>) {
    asked.push({ at: ms, message });
    const nth = replies.findIndex(({ to }) => to === null || to.test(message));
    const [reply] = nth < 0 ? [] : replies.splice(nth, 1);
    const out: Outbox<z.output<typeof dialog.dialog_stream.down>> = createOutbox();
    const listening = (async () => {
      for await (const _ of up);
      out.end();
    })();
    if (reply?.tool != null) {
      tools.push(reply.tool);
      out.put({ is: 'tool', name: reply.tool });
    }
    clock.after(reply?.afterMs ?? 400, () => {
      const text = reply?.sentence ?? 'Хорошо.';
      out.put({ is: 'sentence', text });
      const none = { intent: null, proposals: [], choices: [], dictated: '', isHandedOver: false, isStaffAway: false };
      out.put({
        is: 'done',
        answer: { sessionId, turnId: 'turn', reply: text, state: 'CONSULTING', expects: [...(reply?.expects ?? [])], ...none },
      });
    });
    yield* out;
    await listening;
  }
  const bus = {
    open(stream: unknown, input: never, up: AsyncIterable<never>) {
      if (stream === asr.recognize_stream) return listen(up);
      if (stream === tts.synthesize_stream) return speak(up);
      if (stream === dialog.dialog_stream) return answer(input, up);
      void play(up);
      return down;
    },
    async call(method: unknown) {
      if (method === telephony.hang_up) hungUpAt = ms;
    },
  } as unknown as Pick<Bus, 'open' | 'call'>;

  const stopping = new AbortController();
  const talk = runTalk(
    { callId: 'call', legId: 'leg', direction: 'in', phoneNumber: null },
    {
      ...{ bus, log: quiet, now: () => startedAt + ms, timers: clock, language: 'ru-RU', voice: undefined },
      rules: { ...russianRules, ...scene.rules, greeting: scene.greeting },
      completed: async () => {},
      transfer: async () => false,
      async note(entry) {
        entries.push({ ...entry, startedAt: entry.startedAt - startedAt, endedAt: entry.endedAt - startedAt });
      },
    },
    stopping.signal,
  );

  const steps = [...scene.caller];
  const sounds: { readonly from: number; readonly samples: Int16Array }[] = [];
  const echoes: Int16Array[] = [];
  /** The agent's speech since the caller's last sound, and its time. */
  let begun: { readonly text: string; readonly at: number } | null = null;
  let agentAt = Number.NEGATIVE_INFINITY;
  function cued(): void {
    const [step] = steps;
    if (step === undefined) return;
    const { over, waitMs, isStraight } = step.cue;
    const before = made.at(-1)?.to ?? 0;
    const current = heard.findLast(({ text }) => over === undefined || over.test(text));
    if (ms < before) return;
    if (isStraight) {
      if (ms < before + waitMs) return;
    } else if (over !== undefined) {
      if (begun === null || !over.test(begun.text) || ms < begun.at + waitMs) return;
    } else if (begun === null || ms < agentAt + finishedMs + waitMs) return;
    steps.shift();
    const isOver = ms < agentAt + finishedMs;
    const moved = <S extends Stretch>(stretch: S): S => ({ ...stretch, from: stretch.from + ms, to: stretch.to + ms });
    sounds.push({ from: ms, samples: step.sound.samples });
    words.push(...step.sound.words.map(moved));
    made.push({
      ...{ step: scene.caller.indexOf(step), from: ms, to: ms + step.sound.samples.length / 8, pauses: step.sound.pauses.map(moved) },
      ...{ words: step.sound.words.map(({ text }) => text).join(' '), over: isOver ? (current?.text ?? null) : null },
    });
    begun = null;
  }
  await settled();
  for (; ms < scene.untilMs && hungUpAt === null; ms += frameMs) {
    for (const act of clock.due()) {
      act();
      await settled();
    }
    cued();
    const { frame, text } = agentFrame();
    if (text !== null) {
      const last = heard.at(-1);
      if (last?.text === text && last.to === ms) last.to = ms + frameMs;
      else heard.push({ text, from: ms, to: ms + frameMs });
      if (begun === null || begun.text !== text) begun = { text, at: ms };
      agentAt = ms + frameMs;
    }
    const mixed = new Int16Array(frameBytes);
    for (const { from, samples } of sounds) {
      const at = (ms - from) * 8;
      for (let nth = 0; nth < frameBytes && at + nth < samples.length; nth += 1) mixed[nth] = (mixed[nth] ?? 0) + (samples[at + nth] ?? 0);
    }
    if (scene.echo !== undefined) {
      echoes.push(decode('PCMU', frame));
      const late = echoes.at(-1 - Math.round(scene.echo.delayMs / frameMs));
      if (late !== undefined)
        for (let nth = 0; nth < frameBytes; nth += 1) mixed[nth] = (mixed[nth] ?? 0) + (late[nth] ?? 0) * scene.echo.gain;
      if (echoes.length > 50) echoes.shift();
    }
    scene.noise(mixed);
    const pcmu = encode('PCMU', mixed);
    line.set(pcmu, lineEnd);
    lineEnd += frameBytes;
    down.put(pcmu);
    await settled();
    const last = made.at(-1);
    if (steps.length === 0 && last !== undefined && ms > last.to + quietMs && ms > agentAt + quietMs) break;
  }
  stopping.abort();
  down.end();
  await talk.catch(() => {});
  return { made, asked, tools, heard, entries, hungUpAt, endedAt: ms };
}
/** Silence on both sides that ends a talk; shorter than the one before the caller is asked whether they are there. */
const quietMs = 2_500;

/** Timers of virtual time. */
function timersAt(now: () => number): Timers & { due(): Iterable<() => void> } {
  interface Timer {
    at: number;
    readonly everyMs: number | null;
    readonly act: () => void;
  }
  const timers = new Set<Timer>();
  const set = (timer: Timer): (() => void) => {
    timers.add(timer);
    return () => void timers.delete(timer);
  };
  return {
    after: (ms, act) => set({ at: now() + ms, everyMs: null, act }),
    every: (ms, act) => set({ at: now() + ms, everyMs: ms, act }),
    *due() {
      for (;;) {
        let next: Timer | undefined;
        for (const timer of timers) if (timer.at <= now() && (next === undefined || timer.at < next.at)) next = timer;
        if (next === undefined) return;
        if (next.everyMs === null) timers.delete(next);
        else next.at += next.everyMs;
        yield next.act;
      }
    },
  };
}
