/**
 * Detects where speech begins and ends: WebRTC's voice activity detection (libfvad), and energy above the quietest moment of the last
 * seconds.
 */
import load from '@echogarden/fvad-wasm';
import { rateHz } from './g711.ts';
import { levelDb, type SpeechEdge } from './speech.ts';

export interface VoiceActivity {
  /**
   * The edge that this frame completes, or null. @param isMasked the frame may be an echo: it counts neither as speech nor for the level of
   * the room
   */
  push(samples: Int16Array, isMasked: boolean): SpeechEdge | null;
  /** Whether a sound has begun that has not lasted long enough to be speech. */
  readonly stirs: boolean;
  close(): void;
}
export interface VoiceActivityOptions {
  /** Minimum duration of speech, ms. */
  readonly startMs: number;
  /** Silence after which speech has ended, ms. */
  readonly stopMs: number;
}
interface Fvad {
  readonly HEAP16: Int16Array;
  _malloc(bytes: number): number;
  _free(address: number): void;
  _fvad_new(): number;
  _fvad_free(handle: number): void;
  _fvad_set_mode(handle: number, mode: number): number;
  _fvad_set_sample_rate(handle: number, hz: number): number;
  _fvad_process(handle: number, address: number, samples: number): number;
}
const frameMs = 20;
const frameSamples = (rateHz * frameMs) / 1_000;
/** 0 accepts most sounds as speech, 3 fewest. */
const mode = 2;
/** The level of the room is the quietest moment of this many frames. */
const roomFrames = 100;
const [lowestRoomDb, firstRoomDb] = [-65, -55];
/** How many dB above the room speech is: to begin, to go on, and to go on without a detected voice. */
const [startDb, stayDb, loudDb] = [9, 4, 15];

let loading: Promise<Fvad> | undefined;
/** Loads the module; all detectors share one instance. */
export async function voiceActivity(): Promise<(options: VoiceActivityOptions) => VoiceActivity> {
  loading ??= load() as Promise<Fvad>;
  const fvad = await loading;
  return (options) => createVoiceActivity(fvad, options);
}
function createVoiceActivity(fvad: Fvad, { startMs, stopMs }: VoiceActivityOptions): VoiceActivity {
  const handle = fvad._fvad_new();
  const address = fvad._malloc(frameSamples * 2);
  fvad._fvad_set_mode(handle, mode);
  fvad._fvad_set_sample_rate(handle, rateHz);
  const levels: number[] = [firstRoomDb];
  let isSpeech = false;
  let againstMs = 0;
  const isVoice = (samples: Int16Array): boolean => {
    fvad.HEAP16.set(samples, address / 2);
    return fvad._fvad_process(handle, address, samples.length) === 1;
  };
  return {
    push(samples, isMasked) {
      const ms = (samples.length * 1_000) / rateHz;
      let isLoud = false;
      if (!isMasked) {
        const db = levelDb(samples);
        const roomDb = Math.max(lowestRoomDb, Math.min(...levels));
        const hasVoice = isVoice(samples);
        isLoud = isSpeech ? db > roomDb + (hasVoice ? stayDb : loudDb) : hasVoice && db > roomDb + startDb;
        levels.push(Math.max(lowestRoomDb, db));
        if (levels.length > roomFrames) levels.shift();
      }
      againstMs = isLoud === isSpeech ? 0 : againstMs + ms;
      if (againstMs < (isSpeech ? stopMs : startMs)) return null;
      isSpeech = !isSpeech;
      againstMs = 0;
      return isSpeech ? 'started' : 'stopped';
    },
    get stirs() {
      return !isSpeech && againstMs > 0;
    },
    close() {
      fvad._free(address);
      fvad._fvad_free(handle);
    },
  };
}
