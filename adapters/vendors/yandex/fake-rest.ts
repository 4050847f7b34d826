/**
 * A fake of API v1 of Yandex SpeechKit with its limits: short audio and synthesis over HTTP. It uses fake speech. Source:
 * yandex.cloud/docs/speechkit, Synchronous recognition API; Speech synthesis, API v1 method description; Response format.
 */
import { decode, encode, rateHz } from '../../../media/audio/g711.ts';
import { bytesOf, samplesOf } from '../../../media/audio/pcm.ts';
import { fakeHeard, fakeSpeechOf } from '../../asr/fake-speech.ts';
import { type FakeServer, type FakeServerOptions, fakeServer, Refusal, runFake } from '../../fake-server.ts';

export const yandexV1Key = 'key-of-speechkit-v1';
const [mostAudioMs, mostAudioBytes] = [30_000, 1 << 20];
const [mostChars, mostFormBytes] = [5_000, 15 << 10];
/** Pieces of odd length, which may split a sample. */
const pieceBytes = 3_201;
const refused = (status: number, code: string, message: string) =>
  new Refusal({ status, body: { error_code: code, error_message: message } });

export async function yandexV1Fake(options: Pick<FakeServerOptions, 'port' | 'effects'> = {}): Promise<FakeServer> {
  return await fakeServer({ ...options, base: 'speech/v1/' }, ({ method, path, query, headers, body, bytes }) => {
    const isToken = headers.authorization === `Bearer t1.${yandexV1Key}`;
    if (headers.authorization !== `Api-Key ${yandexV1Key}` && !isToken) throw refused(401, 'UNAUTHORIZED', 'Unknown api key.');
    const asked = new URLSearchParams(path === 'stt:recognize' ? query : body);
    // Docs: required for a user, forbidden for a service account.
    if (isToken !== asked.has('folderId')) throw refused(400, 'BAD_REQUEST', 'Specify folderId with an IAM token, and only with one.');
    if (asked.get('format') !== 'lpcm' || asked.get('sampleRateHertz') !== String(rateHz))
      throw refused(400, 'BAD_REQUEST', 'Only lpcm with 8000 Hz is understood here.');
    if (method === 'POST' && path === 'stt:recognize') {
      if (bytes.length > mostAudioBytes || bytes.length / 2 / rateHz > mostAudioMs / 1_000)
        throw refused(400, 'BAD_REQUEST', 'audio should be less than 30 s and 1 MB');
      const words = fakeHeard(encode('PCMU', samplesOf(bytes)));
      return { body: { result: words.map(({ text }) => text).join(' ') } };
    }
    if (method === 'POST' && path === 'tts:synthesize') {
      const text = asked.get('text') ?? '';
      if (bytes.length > mostFormBytes || text.length > mostChars) throw refused(400, 'BAD_REQUEST', 'Too long text.');
      if (asked.get('lang') !== 'ru-RU') throw refused(400, 'BAD_REQUEST', `Unsupported language: ${asked.get('lang')}.`);
      return { headers: { 'Content-Type': 'application/octet-stream' }, body: spoken(text) };
    }
    throw refused(404, 'NOT_FOUND', 'No such method.');
  });
}
async function* spoken(text: string): AsyncGenerator<Uint8Array> {
  const samples = decode('PCMU', fakeSpeechOf(text));
  const data = bytesOf(samples);
  for (let at = 0; at < data.length; at += pieceBytes) yield data.subarray(at, at + pieceBytes);
}

if (import.meta.main) await runFake(yandexV1Fake);
