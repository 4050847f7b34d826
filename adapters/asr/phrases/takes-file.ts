/**
 * Takes of the built-in phrases, so that the ear need not synthesize them at start. `ru.takes` is written by `node
 * scripts/learn-phrases.ts`: the length of a header, the header as JSON, and the vectors as signed bytes.
 */
import type { Vectors } from './dtw.ts';
import { dimensions } from './features.ts';

interface Header {
  readonly scale: number;
  readonly mean: readonly number[];
  /** The number of vectors in each take. */
  readonly phrases: readonly { readonly text: string; readonly takes: readonly number[] }[];
}
export interface Takes {
  readonly mean: Float32Array;
  readonly phrases: ReadonlyMap<string, readonly Vectors[]>;
}

export function writeTakes({ mean, phrases }: Takes): Uint8Array {
  const all = [...phrases.values()].flat();
  const largest = all.reduce((most, vectors) => vectors.reduce((most, value) => Math.max(most, Math.abs(value)), most), 0);
  const header: Header = {
    scale: largest / 127,
    mean: [...mean].map((value) => Number(value.toFixed(4))),
    phrases: [...phrases].map(([text, takes]) => ({ text, takes: takes.map(({ length }) => length / dimensions) })),
  };
  const head = Buffer.from(JSON.stringify(header));
  const size = Buffer.alloc(4);
  size.writeUInt32LE(head.length);
  return Buffer.concat([
    size,
    head,
    ...all.map((vectors) => Buffer.from(Int8Array.from(vectors, (value) => Math.round(value / header.scale)).buffer)),
  ]);
}

export function readTakes(file: Uint8Array): Takes {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  let at = 4 + bytes.readUInt32LE(0);
  const header = JSON.parse(bytes.toString('utf8', 4, at)) as Header;
  const take = (count: number): Vectors => {
    const vectors = Float32Array.from({ length: count * dimensions }, (_, nth) => bytes.readInt8(at + nth) * header.scale);
    at += vectors.length;
    return vectors;
  };
  return {
    mean: Float32Array.from(header.mean),
    phrases: new Map(header.phrases.map(({ text, takes }) => [text, takes.map(take)])),
  };
}
