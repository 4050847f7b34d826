/** Sample rate conversion by a polyphase FIR filter: a windowed sinc, with one set of taps for each position between two input samples. */

export interface Resampler {
  /** Returns the samples that `input` completes. State is kept, so blocks of any size give one signal. */
  push(input: Int16Array): Int16Array<ArrayBuffer>;
  /** Returns the rest of the signal, which was waiting for more samples. */
  end(): Int16Array<ArrayBuffer>;
}

/** Input samples on each side of an output sample, when the rate does not go down. */
const reach = 24;
/** The part of the lower Nyquist band that passes. */
const passed = 0.92;
/** Shape of the Kaiser window: side lobes of about −70 dB. */
const beta = 7;
const maxPhases = 1_000;
const filters = new Map<string, readonly Float32Array[]>();

/** Converts between any two rates with a ratio of small numbers, such as 8, 16, 22.05, 24 and 48 kHz. The length is exact to a sample. */
export function createResampler(fromHz: number, toHz: number): Resampler {
  const common = gcd(fromHz, toHz);
  const [up, down] = [toHz / common, fromHz / common];
  if (up > maxPhases || down > maxPhases)
    throw new RangeError(`no conversion from ${fromHz} to ${toHz} Hz: expected rates of a simple ratio`);
  const half = Math.ceil(reach * Math.max(1, fromHz / toHz));
  const phases = filterOf(up, down, half);
  let history = new Int16Array(half); // zeros before the signal: the output begins with the input, without a delay
  let taken = 0;
  let made = 0;

  /** Output samples whose taps all lie in `history`, whose first sample is number `taken - half` of the input. */
  const produce = (limit: number): Int16Array<ArrayBuffer> => {
    const first = taken - half;
    const last = Math.min(Math.ceil(((first + history.length - half) * up) / down), limit);
    const output = new Int16Array(Math.max(0, last - made));
    for (let nth = 0; nth < output.length; nth += 1) {
      const position = (made + nth) * down;
      const taps = phases[position % up] as Float32Array;
      const from = Math.floor(position / up) - half + 1 - first;
      let sum = 0;
      for (let tap = 0; tap < taps.length; tap += 1) sum += (taps[tap] as number) * (history[from + tap] ?? 0);
      output[nth] = Math.max(-32_768, Math.min(32_767, Math.round(sum)));
    }
    made += output.length;
    const keepFrom = Math.max(0, Math.min(Math.floor((made * down) / up) - half - first, history.length));
    history = history.slice(keepFrom);
    taken += keepFrom;
    return output;
  };
  const append = (input: Int16Array) => {
    const joined = new Int16Array(history.length + input.length);
    joined.set(history);
    joined.set(input, history.length);
    history = joined;
  };
  let pushed = 0;
  return {
    push(input) {
      pushed += input.length;
      append(input);
      return produce(Number.MAX_SAFE_INTEGER);
    },
    end() {
      append(new Int16Array(2 * half));
      return produce(Math.round((pushed * up) / down));
    },
  };
}

/** A whole signal at another rate. */
export function resample(samples: Int16Array, fromHz: number, toHz: number): Int16Array {
  if (fromHz === toHz) return samples;
  const resampler = createResampler(fromHz, toHz);
  const [body, tail] = [resampler.push(samples), resampler.end()];
  const whole = new Int16Array(body.length + tail.length);
  whole.set(body);
  whole.set(tail, body.length);
  return whole;
}

function filterOf(up: number, down: number, half: number): readonly Float32Array[] {
  const name = `${up}/${down}`;
  const known = filters.get(name);
  if (known) return known;
  const cutoff = passed * Math.min(1, up / down);
  const made = Array.from({ length: up }, (_, phase) => {
    const taps = Float32Array.from({ length: 2 * half }, (_, tap) => {
      const distance = tap - half + 1 - phase / up;
      const inWindow = 1 - (distance / half) ** 2;
      return inWindow <= 0 ? 0 : cutoff * sinc(cutoff * distance) * (bessel(beta * Math.sqrt(inWindow)) / bessel(beta));
    });
    const sum = taps.reduce((total, tap) => total + tap, 0);
    return taps.map((tap) => tap / sum);
  });
  filters.set(name, made);
  return made;
}

const sinc = (x: number) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));
/** The modified Bessel function of the first kind, order 0, by its series. */
function bessel(x: number): number {
  let [sum, term] = [1, 1];
  for (let nth = 1; term > sum * 1e-9; nth += 1) {
    term *= (x / (2 * nth)) ** 2;
    sum += term;
  }
  return sum;
}
function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}
