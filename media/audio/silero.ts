/**
 * Detects where speech begins and ends with Silero VAD, a neural network (MIT) that the npm package @ricky0123/vad-web contains, at 8 kHz.
 * Source of its inputs and thresholds: github.com/snakers4/silero-vad, src/silero_vad/utils_vad.py.
 */
import { rateHz } from './g711.ts';
import { type Network, openNetwork, Tensor } from './network.ts';
import type { SpeechEdge } from './speech.ts';
import type { VoiceActivity, VoiceActivityOptions } from './voice-activity.ts';

/** The network runs after `push` has returned, so an edge comes with the next call. */
export interface SileroActivity extends VoiceActivity {
  /** Resolves when all audio so far has been judged. */
  readonly judged: Promise<void>;
}
/** Samples of a window, and samples of the previous one before it. */
const [windowSamples, contextSamples] = [256, 32];
const windowMs = (windowSamples * 1_000) / rateHz;
/** The memory of the network. */
const stateDims: readonly number[] = [2, 1, 128];
/** Probability at which speech begins, and below which it ends. */
const [startsAt, endsBelow] = [0.5, 0.35];

let loading: Promise<Network> | undefined;
/** Loads the network; all detectors share it. */
export async function sileroActivity(): Promise<(options: VoiceActivityOptions) => SileroActivity> {
  loading ??= openNetwork('@ricky0123/vad-web', 'dist/silero_vad_v6.onnx');
  const network = await loading;
  return (options) => createSilero(network, options);
}

function createSilero(network: Network, { startMs, stopMs }: VoiceActivityOptions): SileroActivity {
  const sr = new Tensor('int64', BigInt64Array.of(BigInt(rateHz)), []);
  let state = new Tensor('float32', new Float32Array(stateDims.reduce((size, each) => size * each)), stateDims);
  let window = new Float32Array(contextSamples + windowSamples);
  let filled = contextSamples;
  let isSpeech = false;
  let againstMs = 0;
  const edges: SpeechEdge[] = [];
  let judged: Promise<void> = Promise.resolve();

  async function judge(input: Float32Array): Promise<void> {
    const { output, stateN } = await network.run({ input: new Tensor('float32', input, [1, input.length]), state, sr });
    state = stateN as typeof state;
    const isVoice = (output?.data[0] as number) >= (isSpeech ? endsBelow : startsAt);
    againstMs = isVoice === isSpeech ? 0 : againstMs + windowMs;
    if (againstMs < (isSpeech ? stopMs : startMs)) return;
    isSpeech = !isSpeech;
    againstMs = 0;
    edges.push(isSpeech ? 'started' : 'stopped');
  }
  return {
    push(samples, isMasked) {
      for (const sample of samples) {
        window[filled] = isMasked ? 0 : sample / 32_768;
        filled += 1;
        if (filled < window.length) continue;
        const full = window;
        // A failure loses one window; the next one is judged again.
        judged = judged.then(() => judge(full)).catch(() => {});
        window = new Float32Array(full.length);
        window.set(full.subarray(windowSamples));
        filled = contextSamples;
      }
      return edges.shift() ?? null;
    },
    get stirs() {
      return !isSpeech && againstMs > 0;
    },
    get judged() {
      return judged;
    },
    close() {},
  };
}
