import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { writeRtp } from './packet.ts';
import { createSrtpReceiver, createSrtpSender, keyStream, sessionKeys } from './srtp.ts';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const master = hex('E1F97A0D3E018BE0D64FA32C06DE4139 0EC675AD498AFEEBB6960B3AABE6');
const packet = (sequence: number, ssrc = 9) =>
  writeRtp({
    payloadType: 0,
    marker: false,
    sequence: sequence & 0xffff,
    timestamp: sequence * 160,
    ssrc,
    payload: new Uint8Array(160).fill(sequence),
  });
const bytesOf = (bytes: Uint8Array | null) => bytes && [...bytes];

test('session keys are those of RFC 3711, appendix B.3', () => {
  const { cipher, salt, auth } = sessionKeys(master, 0);
  expect([cipher, salt, auth]).toEqual([
    hex('C61E7A93744F39EE10734AFE3FF7A087'),
    hex('30CBBC08863D8C85D49DB34A9AE1'),
    hex('CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4'),
  ]);
});
test('the key stream is that of RFC 3711, appendix B.2', () => {
  const keys = { cipher: hex('2B7E151628AED2A6ABF7158809CF4F3C'), salt: hex('F0F1F2F3F4F5F6F7F8F9FAFBFCFD'), auth: hex('') };
  expect(keyStream(keys, 0, 0, new Uint8Array(48))).toEqual(
    hex('E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB 41E95B3BB0A2E8DD477901E4FCA894C0'),
  );
});
test('the key stream depends on every bit of the index', () => {
  const streams = [0, 1, 2 ** 16, 2 ** 32, 2 ** 47].map((index) =>
    String(bytesOf(keyStream(sessionKeys(master, 0), 1, index, new Uint8Array(16)))),
  );
  expect(new Set(streams).size).toBe(5);
});
test('a packet is that of libsrtp’s validation, protected and opened', () => {
  const plain = hex('800f1234decafbadcafebabe abababababababababababababababab');
  const cipher = hex('800f1234decafbadcafebabe 4e55dc4ce79978d88ca4d215949d2402 b78d6acc99ea179b8dbb');
  expect(createSrtpSender(master).protect(plain)).toEqual(cipher);
  expect(createSrtpReceiver(master).open(cipher)).toEqual(plain);
});
test('a control packet of libsrtp’s validation is opened', () => {
  const cipher = hex('81c8000bcafebabe 7128035be487b9bdbef89041f977a5a8 80000001 993e08cd54d6c1230798');
  expect(createSrtpReceiver(master).openRtcp(cipher)).toEqual(hex('81c8000bcafebabe abababababababababababababababab'));
});

test('a stream is opened over two wraps of its sequence, in any order within the window', () => {
  const [sender, receiver] = [createSrtpSender(master), createSrtpReceiver(master)];
  for (let sequence = 60_000; sequence < 200_000; sequence += Math.abs((sequence & 0xffff) - 65_535) < 60 ? 2 : 50) {
    const [first, second] = [sender.protect(packet(sequence)), sender.protect(packet(sequence + 1))];
    expect(bytesOf(receiver.open(second))).toEqual(bytesOf(packet(sequence + 1)));
    expect(bytesOf(receiver.open(first))).toEqual(bytesOf(packet(sequence)));
  }
});
test('a repeat, a forgery and another key are refused', () => {
  const [sender, receiver] = [createSrtpSender(master), createSrtpReceiver(master)];
  const bytes = Uint8Array.from(sender.protect(packet(1)));
  expect(receiver.open(bytes.with(20, 7))).toBeNull();
  expect(receiver.open(bytes.with(bytes.length - 1, (bytes.at(-1) as number) ^ 1))).toBeNull();
  expect(createSrtpReceiver(Buffer.from(master).fill(1, 0, 1)).open(bytes)).toBeNull();
  expect(receiver.open(bytes)).not.toBeNull();
  expect(receiver.open(bytes)).toBeNull();
  const control = sender.protectRtcp(hex('81c8000bcafebabe abababababababababababababababab'));
  expect(receiver.openRtcp(control)).not.toBeNull();
  expect(receiver.openRtcp(control)).toBeNull();
});
test('any bytes are refused without a throw', () => {
  const receiver = createSrtpReceiver(master);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      expect([receiver.open(bytes), receiver.openRtcp(bytes)]).toEqual([null, null]);
    }),
    { numRuns: 300 },
  );
});
