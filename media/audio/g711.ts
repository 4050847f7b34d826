/** G.711 (ITU-T): one byte a sample at 8 kHz. PCMU is μ-law, PCMA is A-law; a linear sample is 16 bits, signed. */
export type Law = 'PCMU' | 'PCMA';

/** Bytes, and samples, per second. */
export const rateHz = 8_000;

/** The byte of zero in each law. */
export const silence = { PCMU: 0xff, PCMA: 0xd5 } as const satisfies Record<Law, number>;

function linearOfUlaw(byte: number): number {
  const bits = ~byte;
  const magnitude = (((bits & 0x0f) << 3) + 0x84) << ((bits & 0x70) >> 4);
  return bits & 0x80 ? 0x84 - magnitude : magnitude - 0x84;
}
function ulawOfLinear(sample: number): number {
  const magnitude = Math.min(Math.abs(sample), 32_635) + 0x84;
  const exponent = 24 - Math.clz32(magnitude);
  return ~((sample < 0 ? 0x80 : 0) | (exponent << 4) | ((magnitude >> (exponent + 3)) & 0x0f)) & 0xff;
}
function linearOfAlaw(byte: number): number {
  const bits = byte ^ 0x55;
  const exponent = (bits & 0x70) >> 4;
  const mantissa = (bits & 0x0f) << 4;
  const magnitude = exponent === 0 ? mantissa + 8 : (mantissa + 0x108) << (exponent - 1);
  return bits & 0x80 ? magnitude : -magnitude;
}
function alawOfLinear(sample: number): number {
  const magnitude = sample < 0 ? -sample - 1 : sample;
  const exponent = Math.max(0, 24 - Math.clz32(magnitude));
  return ((exponent << 4) | ((magnitude >> Math.max(4, exponent + 3)) & 0x0f)) ^ (sample < 0 ? 0x55 : 0xd5);
}

/** Linear samples by byte. */
const linear = {
  PCMU: Int16Array.from({ length: 256 }, (_, byte) => linearOfUlaw(byte)),
  PCMA: Int16Array.from({ length: 256 }, (_, byte) => linearOfAlaw(byte)),
};
/** Bytes by linear sample, as unsigned 16 bits. */
const byLinear = {
  PCMU: Uint8Array.from({ length: 65_536 }, (_, sample) => ulawOfLinear((sample << 16) >> 16)),
  PCMA: Uint8Array.from({ length: 65_536 }, (_, sample) => alawOfLinear((sample << 16) >> 16)),
};
/** Bytes of the other law, by byte: without loss where both laws have the level. */
const otherLaw = {
  PCMU: linear.PCMU.reduce((table, sample, byte) => table.fill(alawOfLinear(sample), byte, byte + 1), new Uint8Array(256)),
  PCMA: linear.PCMA.reduce((table, sample, byte) => table.fill(ulawOfLinear(sample), byte, byte + 1), new Uint8Array(256)),
};

export function decode(law: Law, bytes: Uint8Array): Int16Array<ArrayBuffer> {
  const table = linear[law];
  const samples = new Int16Array(bytes.length);
  for (let nth = 0; nth < bytes.length; nth += 1) samples[nth] = table[bytes[nth] as number] as number;
  return samples;
}

export function encode(law: Law, samples: Int16Array): Uint8Array<ArrayBuffer> {
  const table = byLinear[law];
  const bytes = new Uint8Array(samples.length);
  for (let nth = 0; nth < samples.length; nth += 1) bytes[nth] = table[(samples[nth] as number) & 0xffff] as number;
  return bytes;
}

/** Bytes of one law in the other; the same bytes when the laws are equal. */
export function transcode(from: Law, to: Law, bytes: Uint8Array): Uint8Array {
  if (from === to) return bytes;
  const table = otherLaw[from];
  const other = new Uint8Array(bytes.length);
  for (let nth = 0; nth < bytes.length; nth += 1) other[nth] = table[bytes[nth] as number] as number;
  return other;
}
