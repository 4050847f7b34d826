/** Calls of this browser: the connection, the microphone, and what the server says of them. It outlives the page, so that a call does. */
import { computed, type ReadonlySignal, signal } from '@preact/signals';
import type { OutputOf } from '../../contracts/kit/define.ts';
import type { softphone } from '../../contracts/softphone.ts';
import { isRequestError } from '../kit/api.ts';
import type { Desk } from '../kit/desk.ts';
import type { LiveItem } from '../kit/live.ts';
import { describeError } from '../kit/pictures.ts';
import { phoneWords } from '../words/phone.ts';

export type PhoneCall = OutputOf<typeof softphone.list_phone_calls>['items'][number];
/** What this page is doing. `connecting`: the microphone, the offer or the network is being set up. */
export type Stage =
  | { readonly kind: 'idle' }
  | { readonly kind: 'connecting'; readonly other: string | null }
  | { readonly kind: 'talking'; readonly legId: string; readonly other: string | null; readonly since: number | null };
export interface Levels {
  /** 0 to 1. */
  readonly mine: number;
  readonly other: number;
}
export interface Softphone {
  readonly stage: ReadonlySignal<Stage>;
  /** The call of this page as the server sees it. */
  readonly mine: ReadonlySignal<PhoneCall | null>;
  /** Rings that can be answered here. */
  readonly rings: ReadonlySignal<readonly PhoneCall[]>;
  readonly isMuted: ReadonlySignal<boolean>;
  readonly pressed: ReadonlySignal<string>;
  /** Why the last call ended or failed. */
  readonly said: ReadonlySignal<string | null>;
  levels(): Levels;
  call(to: string): Promise<void>;
  answer(ring: PhoneCall): Promise<void>;
  refuse(ring: PhoneCall): Promise<void>;
  hangUp(): Promise<void>;
  hold(on: boolean): Promise<void>;
  mute(on: boolean): void;
  press(key: string): void;
}

interface Line {
  readonly connection: RTCPeerConnection;
  readonly microphone: MediaStream;
  readonly sender: RTCRtpSender;
  readonly speaker: HTMLAudioElement;
  readonly context: AudioContext;
  readonly ears: { mine: AnalyserNode; other: AnalyserNode | null };
}
const gatherMs = 3_000;
const keyMs = 120;
/** Errors of `getUserMedia` by their names (W3C Media Capture and Streams, section 10.3.1). */
const microphoneWords: Readonly<Record<string, 'micRefused' | 'micMissing' | 'micBusy'>> = {
  NotAllowedError: 'micRefused',
  NotFoundError: 'micMissing',
  NotReadableError: 'micBusy',
};
const idle: Stage = { kind: 'idle' };
const phones = new WeakMap<Desk, Softphone>();

/** One of each desk. */
export function softphoneOf(desk: Desk): Softphone {
  const known = phones.get(desk) ?? createSoftphone(desk);
  phones.set(desk, known);
  return known;
}

function createSoftphone(desk: Desk): Softphone {
  const t = () => desk.words(phoneWords);
  const calls = signal<ReadonlyMap<string, PhoneCall>>(new Map());
  const stage = signal<Stage>(idle);
  const isMuted = signal(false);
  const pressed = signal('');
  const said = signal<string | null>(null);
  let line: Line | null = null;
  const mine = computed(() => (stage.value.kind === 'talking' ? (calls.value.get(stage.value.legId) ?? null) : null));
  const rings = computed(() => [...calls.value.values()].filter(({ state, ring }) => state === 'ringing' && ring !== null));

  async function read(): Promise<void> {
    try {
      const { items } = await desk.api.call<typeof softphone.list_phone_calls>('GET /api/v1/phone/calls', {});
      calls.value = new Map(items.map((call) => [call.legId, call]));
      follow();
    } catch (thrown) {
      if (!isRequestError(thrown)) throw thrown; // The chip of the stream says that the server is away.
    }
  }
  desk.live.on('phone', take, { aside: true });
  function take(item: LiveItem): void {
    const next = new Map(calls.peek());
    const legId = String(item.legId ?? item.id);
    if (item.state === 'gone') next.delete(legId);
    else next.set(legId, item as unknown as PhoneCall);
    calls.value = next;
    follow();
  }
  desk.live.onGap(() => void read());
  void read();

  /** The server decides when a call is answered and when it has ended. */
  function follow(): void {
    const now = stage.peek();
    const call = now.kind === 'talking' ? calls.peek().get(now.legId) : undefined;
    if (now.kind !== 'talking' || call === undefined) return;
    if (call.state === 'ended') end(endWord(call.cause));
    else if (call.state !== 'ringing' && now.since === null) stage.value = { ...now, since: Date.now() };
  }
  function endWord(cause: PhoneCall['cause']): string {
    const lost = ['network_failure', 'media_lost', 'holder_lost'];
    const key = `ended_${cause !== null && lost.includes(cause) ? 'lost' : cause === 'transferred' ? 'normal' : (cause ?? 'normal')}`;
    return t()(key in phoneWords ? (key as 'ended_normal') : 'ended_other');
  }
  function end(why: string | null): void {
    const gone = line;
    line = null;
    stage.value = idle;
    isMuted.value = false;
    said.value = why;
    if (why !== null) desk.announce(why);
    if (gone === null) return;
    for (const track of gone.microphone.getTracks()) track.stop();
    gone.connection.close();
    gone.speaker.srcObject = null;
    void gone.context.close();
  }
  function fail(thrown: unknown): void {
    const word = microphoneWords[(thrown as { name?: string }).name ?? ''];
    if (word !== undefined) end(t()(word));
    else if (!isRequestError(thrown)) {
      end(t()('ended_other'));
      throw thrown;
    } else end(thrown.reason === 'ring_over' ? t()('elsewhere') : describeError(desk, thrown));
  }

  async function open(other: string | null): Promise<Line> {
    stage.value = { kind: 'connecting', other };
    said.value = null;
    pressed.value = '';
    const audio = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
    const microphone = await navigator.mediaDevices.getUserMedia({ audio });
    const connection = new RTCPeerConnection();
    const context = new AudioContext();
    const speaker = new Audio();
    const ears: Line['ears'] = { mine: ear(context, microphone), other: null };
    connection.addEventListener('track', ({ streams: [stream], track }) => {
      const heard = stream ?? new MediaStream([track]);
      speaker.srcObject = heard;
      speaker.play().catch(() => {}); // A browser may refuse to play before the first press; an answer is one.
      ears.other = ear(context, heard);
    });
    connection.addEventListener('connectionstatechange', () => {
      if (connection.connectionState === 'failed' && line?.connection === connection) void hangUp(t()('ended_lost'));
    });
    const [track] = microphone.getAudioTracks();
    if (track === undefined) throw new DOMException('no track', 'NotFoundError');
    line = { connection, microphone, sender: connection.addTrack(track, microphone), speaker, context, ears };
    return line;
  }
  /** The call goes on only if nobody has hung up meanwhile. */
  async function connect(opened: Line, legId: string, answer: string, other: string | null): Promise<void> {
    if (line !== opened) {
      await desk.api.call<typeof softphone.hang_up_phone_call>('POST /api/v1/phone/calls/{legId}/hang-up', { legId });
      return;
    }
    stage.value = { kind: 'talking', legId, other, since: null };
    await opened.connection.setRemoteDescription({ type: 'answer', sdp: answer });
    follow();
  }
  async function hangUp(why: string | null = null): Promise<void> {
    const now = stage.peek();
    end(why);
    if (now.kind !== 'talking') return;
    try {
      await desk.api.call<typeof softphone.hang_up_phone_call>('POST /api/v1/phone/calls/{legId}/hang-up', { legId: now.legId });
    } catch (thrown) {
      if (!isRequestError(thrown)) throw thrown; // The call ends anyway: its audio has stopped.
    }
  }

  return {
    stage,
    mine,
    rings,
    isMuted,
    pressed,
    said,
    levels: () => ({ mine: isMuted.peek() ? 0 : levelOf(line?.ears.mine), other: levelOf(line?.ears.other) }),
    async call(to) {
      try {
        const opened = await open(to);
        const offer = await offerOf(opened.connection);
        const { legId, answer } = await desk.api.call<typeof softphone.call_from_phone>('POST /api/v1/phone/calls', { to, offer });
        await connect(opened, legId, answer, to);
      } catch (thrown) {
        fail(thrown);
      }
    },
    async answer({ legId, ring, other }) {
      try {
        const opened = await open(other);
        const input = { legId, ring: ring ?? '', offer: await offerOf(opened.connection) };
        const { answer } = await desk.api.call<typeof softphone.answer_phone_call>('POST /api/v1/phone/calls/{legId}/answer', input);
        await connect(opened, legId, answer, other);
      } catch (thrown) {
        fail(thrown);
      }
    },
    async refuse({ legId, ring }) {
      try {
        await desk.api.call<typeof softphone.refuse_phone_call>('POST /api/v1/phone/calls/{legId}/refuse', { legId, ring: ring ?? '' });
      } catch (thrown) {
        fail(thrown);
      }
    },
    hangUp: () => hangUp(),
    async hold(on) {
      const now = stage.peek();
      if (now.kind !== 'talking') return;
      try {
        await desk.api.call<typeof softphone.hold_phone_call>('POST /api/v1/phone/calls/{legId}/hold', { legId: now.legId, on });
      } catch (thrown) {
        if (!isRequestError(thrown)) throw thrown;
        said.value = describeError(desk, thrown);
      }
    },
    mute(on) {
      for (const track of line?.microphone.getTracks() ?? []) track.enabled = !on;
      isMuted.value = on;
    },
    press(key) {
      const now = stage.peek();
      if (now.kind !== 'talking' || line === null) return;
      pressed.value += key;
      if (line.sender.dtmf?.canInsertDTMF) {
        line.sender.dtmf.insertDTMF(line.sender.dtmf.toneBuffer + key, keyMs);
        return;
      }
      const input = { legId: now.legId, digits: key };
      desk.api.call<typeof softphone.press_phone_keys>('POST /api/v1/phone/calls/{legId}/keys', input).catch((thrown: unknown) => {
        if (!isRequestError(thrown)) throw thrown;
        said.value = describeError(desk, thrown);
      });
    },
  };
}

/** With all candidates, or those that were found in time. */
async function offerOf(connection: RTCPeerConnection): Promise<string> {
  await connection.setLocalDescription();
  if (connection.iceGatheringState !== 'complete')
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, gatherMs);
      connection.addEventListener('icegatheringstatechange', () => {
        if (connection.iceGatheringState !== 'complete') return;
        clearTimeout(timer);
        resolve();
      });
    });
  return connection.localDescription?.sdp ?? '';
}

function ear(context: AudioContext, stream: MediaStream): AnalyserNode {
  const analyser = context.createAnalyser();
  analyser.fftSize = 512;
  context.createMediaStreamSource(stream).connect(analyser);
  return analyser;
}
/** The loudness of the last moments on a scale of decibels: -60 dB is 0, full scale is 1. */
function levelOf(analyser: AnalyserNode | null | undefined): number {
  if (!analyser) return 0;
  const samples = new Float32Array(analyser.fftSize);
  analyser.getFloatTimeDomainData(samples);
  const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
  return Math.min(1, Math.max(0, 1 + Math.log10(power + 1e-12) / 6));
}
