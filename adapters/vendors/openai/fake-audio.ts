/** A fake of OpenAI's transcriptions and speech, using fake speech. Source: platform.openai.com, API reference, Audio. */
import { decode, encode, rateHz } from '../../../media/audio/g711.ts';
import { bytesOf } from '../../../media/audio/pcm.ts';
import { resample } from '../../../media/audio/resample.ts';
import { readWav } from '../../../media/audio/wav.ts';
import { fakeHeard, fakeSpeechOf } from '../../asr/fake-speech.ts';
import { type FakeServer, type FakeServerOptions, fakeServer, Refusal, runFake } from '../../fake-server.ts';

export const openAiKey = 'key-of-openai';
const pcmHz = 24_000;
const refused = (status: number, message: string) =>
  new Refusal({ status, body: { error: { message, type: 'invalid_request_error', code: null } } });

export async function openAiFake(options: Pick<FakeServerOptions, 'port' | 'effects'> = {}): Promise<FakeServer> {
  return await fakeServer({ ...options, base: 'v1/' }, ({ method, path, headers, body, bytes }) => {
    if (headers.authorization !== `Bearer ${openAiKey}`) throw refused(401, 'Incorrect API key provided.');
    if (method === 'GET' && path === 'models') return { body: { object: 'list', data: [] } };
    if (method === 'POST' && path === 'audio/transcriptions') {
      const wav = wavIn(bytes);
      if (wav === null) throw refused(400, 'Invalid file format.');
      const { samples, rateHz: from } = readWav(wav);
      return {
        body: {
          text: fakeHeard(encode('PCMU', resample(samples, from, rateHz)))
            .map(({ text }) => text)
            .join(' '),
        },
      };
    }
    if (method === 'POST' && path === 'audio/speech') {
      const { input, response_format: format } = JSON.parse(body) as { readonly input: string; readonly response_format: string };
      if (input.length > 4_096) throw refused(400, 'string too long');
      if (format !== 'pcm') throw refused(400, 'only pcm is spoken here');
      const wide = resample(decode('PCMU', fakeSpeechOf(input)), rateHz, pcmHz);
      return { headers: { 'Content-Type': 'audio/pcm' }, body: piecesOf(bytesOf(wide)) };
    }
    throw refused(404, 'Unknown request URL.');
  });
}
/** Pieces of odd length, which may split a sample. */
async function* piecesOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 4_801) yield bytes.subarray(at, at + 4_801);
}
function wavIn(form: Buffer): Uint8Array | null {
  const from = form.indexOf('RIFF');
  return from < 0 ? null : form.subarray(from, from + 8 + form.readUInt32LE(from + 4));
}

if (import.meta.main) await runFake(openAiFake);
