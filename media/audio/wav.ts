/** WAV files: a writer for growing recordings, and a reader that trusts no size in a header. */
import { type FileHandle, open } from 'node:fs/promises';
import { decode } from './g711.ts';
import { bytesOf } from './pcm.ts';

export interface WavFormat {
  readonly rateHz: number;
  readonly channels: 1 | 2;
}
export interface Wav extends WavFormat {
  /** 16-bit samples, the channels interleaved. */
  readonly samples: Int16Array;
}

/** What is wrong with a WAV file, and what was expected. */
export class WavError extends Error {
  override readonly name = 'WavError';
}

const headerBytes = 44;
/** The size in the header of an unfinished recording, or one whose process died: the data extends to the end of the file. */
const unknownSize = 0xffff_ffff;
const formatTag = { pcm: 1, alaw: 6, ulaw: 7, extensible: 0xfffe } as const;

/** The header of 16-bit PCM; `dataBytes` null means that the end is not known yet. */
export function wavHeader({ rateHz, channels }: WavFormat, dataBytes: number | null): Uint8Array<ArrayBuffer> {
  const header = Buffer.alloc(headerBytes);
  header.write('RIFF', 0, 'latin1');
  header.writeUInt32LE(dataBytes === null ? unknownSize : Math.min(headerBytes - 8 + dataBytes, unknownSize), 4);
  header.write('WAVEfmt ', 8, 'latin1');
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(formatTag.pcm, 20);
  header.writeUInt16LE(channels, 22);
  header.writeUInt32LE(rateHz, 24);
  header.writeUInt32LE(rateHz * channels * 2, 28);
  header.writeUInt16LE(channels * 2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36, 'latin1');
  header.writeUInt32LE(dataBytes === null ? unknownSize : Math.min(dataBytes, unknownSize), 40);
  return new Uint8Array(header);
}

/** A whole file of 16-bit PCM; the channels of the samples are interleaved. */
export function wavFile(format: WavFormat, samples: Int16Array): Uint8Array<ArrayBuffer> {
  const audio = bytesOf(samples);
  return Buffer.concat([wavHeader(format, audio.length), audio]);
}

export interface WavWriter {
  /** Appends interleaved samples, which must not change afterwards. Ignored after a failure. */
  write(samples: Int16Array<ArrayBuffer>): void;
  /** Writes pending audio and the sizes; returns the bytes of audio in the file. */
  close(): Promise<number>;
}
export interface WavWriterOptions extends WavFormat {
  /** Called once, when the disk refuses or cannot keep up; nothing is written afterwards. */
  readonly failed: (error: Error) => void;
  /** Audio that may wait for the disk. */
  readonly maxPendingBytes?: number;
}

/** Starts a WAV file, replacing any existing one. It is readable at any moment: until `close` its header leaves the size open. */
export function createWavWriter(file: string, { failed, maxPendingBytes = 1 << 20, ...format }: WavWriterOptions): WavWriter {
  let pendingBytes = 0;
  let writtenBytes = 0;
  let broken: Error | null = null;
  const fail = (error: Error) => {
    if (broken !== null) return;
    broken = error;
    failed(error);
  };
  const opened = open(file, 'w');
  let last: Promise<void> = opened.then((handle) => writeWhole(handle, wavHeader(format, null), 0)).catch(fail);

  return {
    write(samples) {
      if (broken !== null) return;
      if (pendingBytes + samples.byteLength > maxPendingBytes)
        return fail(new WavError(`${file}: the disk does not keep up with the audio`));
      pendingBytes += samples.byteLength;
      const append = async () => {
        if (broken !== null) return;
        await writeWhole(await opened, bytesOf(samples), headerBytes + writtenBytes);
        writtenBytes += samples.byteLength;
        pendingBytes -= samples.byteLength;
      };
      last = last.then(append).catch(fail);
    },
    async close() {
      await last;
      const handle = await opened.catch(() => null);
      try {
        if (broken === null) await handle?.write(wavHeader(format, writtenBytes), 0, headerBytes, 0);
      } catch (error) {
        fail(error as Error);
      } finally {
        await handle?.close().catch(fail);
      }
      return writtenBytes;
    },
  };
}

async function writeWhole(handle: FileHandle, bytes: Uint8Array<ArrayBuffer>, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) done += (await handle.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
}

/**
 * The audio of a WAV file: 16-bit PCM, A-law or μ-law, of one or two channels. A size larger than the file, as after a crash, is cut to the
 * size of the file.
 * @throws WavError
 */
export function readWav(bytes: Uint8Array): Wav {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = (at: number) => String.fromCharCode(...bytes.subarray(at, at + 4));
  if (bytes.length < 12 || text(0) !== 'RIFF' || text(8) !== 'WAVE') throw new WavError('expected a file that begins with RIFF and WAVE');
  let format: { readonly tag: number; readonly rateHz: number; readonly channels: 1 | 2 } | null = null;
  for (let at = 12; at + 8 <= bytes.length; ) {
    const [name, claimed, body] = [text(at), view.getUint32(at + 4, true), at + 8];
    const size = Math.min(claimed, bytes.length - body);
    if (name === 'fmt ') format = readFormat(view, body, size);
    if (name === 'data') {
      if (format === null) throw new WavError('expected the chunk "fmt " before "data"');
      return { rateHz: format.rateHz, channels: format.channels, samples: samplesOf(format, bytes.subarray(body, body + size)) };
    }
    at = body + size + (size % 2);
  }
  throw new WavError('expected a chunk "data"');
}

function readFormat(view: DataView, at: number, size: number) {
  if (size < 16) throw new WavError(`expected 16 bytes in the chunk "fmt ", not ${size}`);
  const named = view.getUint16(at, true);
  const tag = named === formatTag.extensible && size >= 26 ? view.getUint16(at + 24, true) : named;
  const [channels, rateHz, bits] = [view.getUint16(at + 2, true), view.getUint32(at + 4, true), view.getUint16(at + 14, true)];
  if (tag !== formatTag.pcm && tag !== formatTag.alaw && tag !== formatTag.ulaw)
    throw new WavError(`expected PCM, A-law or μ-law, not format ${tag}`);
  if (channels !== 1 && channels !== 2) throw new WavError(`expected one or two channels, not ${channels}`);
  if (rateHz < 8_000 || rateHz > 48_000) throw new WavError(`expected 8,000 to 48,000 Hz, not ${rateHz}`);
  const expected = tag === formatTag.pcm ? 16 : 8;
  if (bits !== expected) throw new WavError(`expected ${expected} bits a sample, not ${bits}`);
  return { tag, rateHz, channels: channels as 1 | 2 };
}

function samplesOf({ tag, channels }: { readonly tag: number; readonly channels: number }, data: Uint8Array): Int16Array {
  if (tag !== formatTag.pcm)
    return decode(tag === formatTag.alaw ? 'PCMA' : 'PCMU', data.subarray(0, data.length - (data.length % channels)));
  const whole = Uint8Array.from(data.subarray(0, data.length - (data.length % (2 * channels)))); // a copy, as a sample wants an even address
  return new Int16Array(whole.buffer);
}

/**
 * Reads a WAV file of at most `maxBytes`.
 * @throws WavError
 */
export async function readWavFile(file: string, { maxBytes }: { readonly maxBytes: number }): Promise<Wav> {
  const handle = await open(file, 'r');
  try {
    const { size } = await handle.stat();
    if (size > maxBytes) throw new WavError(`expected at most ${maxBytes} bytes, not ${size}`);
    return readWav(await handle.readFile());
  } finally {
    await handle.close();
  }
}

/** Writes the true sizes to the header of a recording whose process died; leaves a correct file unchanged. */
export async function repairWav(file: string): Promise<void> {
  const handle = await open(file, 'r+');
  try {
    const { size } = await handle.stat();
    const header = Buffer.alloc(headerBytes);
    const { bytesRead } = await handle.read(header, 0, headerBytes, 0);
    if (bytesRead < headerBytes || header.readUInt32LE(40) !== unknownSize || header.toString('latin1', 36, 40) !== 'data') return;
    const channels = header.readUInt16LE(22) as 1 | 2;
    const data = size - headerBytes - ((size - headerBytes) % (2 * channels));
    await handle.write(wavHeader({ rateHz: header.readUInt32LE(24), channels }, data), 0, headerBytes, 0);
  } finally {
    await handle.close();
  }
}
