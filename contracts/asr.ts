/** Speech recognition. */
import { z } from 'zod';
import { BlobRef, Bytes, Language } from './common.ts';
import { contract, method } from './kit/define.ts';

/** `audio/ogg`: the container format of the recording. */
const ContentType = z
  .string()
  .max(100)
  .regex(/^audio\/[\w.+-]{1,40}$/, 'the type of an audio file, e.g. audio/ogg');

export const asr = contract('asr', '1.0.0', {
  recognize: method({
    summary: 'Transcribe a recording.',
    input: z.strictObject({
      audio: z.union([Bytes, BlobRef]),
      contentType: ContentType,
      language: Language.default('ru-RU'),
    }),
    output: z.object({
      text: z.string().max(65_536).meta({ pii: 'text' }).describe('Empty when the recording has no speech.'),
      confidence: z.number().min(0).max(1).nullable(),
    }),
    idempotency: 'read',
    timeoutMs: 30_000,
    http: { route: 'POST /api/v1/asr/recognize', body: 'multipart', files: { audio: { contentType: 'contentType' } } },
    errors: { bad_audio: 'invalid_argument' },
  }),
});
