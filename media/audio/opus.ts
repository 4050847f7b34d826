/** Opus in OGG (RFC 7845), as messengers record voice, to and from samples at 8 kHz, mono. */
import { setImmediate } from 'node:timers/promises';
import OpusScript from 'opusscript';
import { rateHz } from './g711.ts';
import { OggError, type OggPacket, oggFile, oggPackets } from './ogg.ts';

/** The library accepts no longer packets. */
const mostPacketBytes = 3_828;
/** Opus counts in samples of 48 kHz. */
const clockHz = 48_000;

/** The samples of each packet, which are 2.5 to 120 ms. A packet that cannot be decoded is silence of 20 ms. @throws OggError for a file without Opus */
export function* opusSamples(file: Uint8Array): Generator<Int16Array> {
  const packets = oggPackets(file);
  const head = packets.next().value;
  const text = head === undefined ? '' : Buffer.from(head).toString('latin1', 0, 8);
  if (head === undefined || text !== 'OpusHead' || head.length < 19) throw new OggError('expected a stream of Opus');
  packets.next(); // the tags
  let skip = Math.round((Buffer.from(head).readUInt16LE(10) * rateHz) / clockHz);
  const decoder = new OpusScript(rateHz, 1);
  try {
    for (const packet of packets) {
      const samples = decoded(decoder, packet);
      const from = Math.min(skip, samples.length);
      skip -= from;
      yield samples.subarray(from);
    }
  } finally {
    decoder.delete();
  }
}

function decoded(decoder: OpusScript, packet: Uint8Array): Int16Array {
  if (packet.length === 0 || packet.length > mostPacketBytes) return new Int16Array(rateHz / 50);
  try {
    const bytes = Uint8Array.from(decoder.decode(Buffer.from(packet)));
    return new Int16Array(bytes.buffer);
  } catch {
    return new Int16Array(rateHz / 50); // the library reports only that the packet is bad
  }
}

const frameMs = 20;
/** Samples at 48 kHz that a decoder drops at the beginning, while the encoder warms up. */
const preSkip = 312;

/** A file of Opus in OGG that keeps the last samples. */
export function opusFile(samples: Int16Array): Uint8Array {
  return oggFile([...headers(), ...opusPackets(samples)]);
}
/** The same with pauses for the rest of the process: a second of audio takes about 30 ms. */
export async function opusFileInSlices(samples: Int16Array, signal: AbortSignal): Promise<Uint8Array> {
  const packets = headers();
  for (const packet of opusPackets(samples)) {
    packets.push(packet);
    if (packets.length % packetsOfSlice === 0) await setImmediate(undefined, { signal });
  }
  return oggFile(packets);
}
const packetsOfSlice = 10;

function headers(): OggPacket[] {
  const head = Buffer.alloc(19);
  head.write('OpusHead', 0, 'latin1');
  head.writeUInt8(1, 8);
  head.writeUInt8(1, 9);
  head.writeUInt16LE(preSkip, 10);
  head.writeUInt32LE(rateHz, 12);
  const vendor = 'polyb';
  const tags = Buffer.alloc(16 + vendor.length);
  tags.write('OpusTags', 0, 'latin1');
  tags.writeUInt32LE(vendor.length, 8);
  tags.write(vendor, 12, 'latin1');
  return [
    { bytes: head, granule: 0 },
    { bytes: tags, granule: 0 },
  ];
}
function* opusPackets(samples: Int16Array): Generator<OggPacket> {
  const encoder = new OpusScript(rateHz, 1, OpusScript.Application.VOIP);
  try {
    const frame = (rateHz * frameMs) / 1_000;
    const ratio = clockHz / rateHz;
    const end = samples.length * ratio + preSkip;
    for (let at = 0; at * ratio < end; at += frame) {
      const padded = new Int16Array(frame);
      padded.set(samples.subarray(at, at + frame));
      yield { bytes: encoder.encode(Buffer.from(padded.buffer), frame), granule: Math.min(end, (at + frame) * ratio) };
    }
  } finally {
    encoder.delete();
  }
}
