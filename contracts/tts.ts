/** Speech synthesis. */
import { z } from 'zod';
import { BlobRef, Bytes, bytesUpTo, Id, Language } from './common.ts';
import { contract, method, stream } from './kit/define.ts';

/** A voice of a provider, by the name that the provider gives it. */
const VoiceName = z
  .string()
  .max(64)
  .regex(/^[\w+.-]+$/, 'the name of a voice, e.g. ru+f2');
const SpokenText = z.string().trim().min(1).max(4_096).meta({ pii: 'text' });
const speech = {
  language: Language.default('ru-RU'),
  voice: VoiceName.optional().describe('An unknown voice is spoken by the built-in one of the language; the reply says which voice spoke.'),
};
/** Which voice spoke, and whose it is. */
const spoken = {
  voice: VoiceName,
  provider: z.string().max(40),
  durationMs: z.int().min(0).max(3_600_000),
};

export const tts = contract('tts', '1.1.0', {
  synthesize: method({
    summary: 'Speak a text.',
    input: z.strictObject({
      text: SpokenText,
      ...speech,
      format: z
        .enum(['wav', 'ogg', 'pcmu'])
        .default('wav')
        .describe('wav: 16-bit PCM. ogg: Opus, as messengers record voice. pcmu: G.711 μ-law of 8 kHz without a header.'),
      rateHz: z
        .union([z.literal(8_000), z.literal(16_000), z.literal(24_000), z.literal(48_000)])
        .optional()
        .describe('Sample rate of wav; default 8,000. The voice has the band of a phone at any rate.'),
    }),
    output: z.object({ audio: z.union([Bytes, BlobRef]), contentType: z.string().max(100), ...spoken }),
    idempotency: 'read',
    timeoutMs: 30_000,
    http: 'POST /api/v1/tts/synthesize',
    errors: { audio_too_long: 'invalid_argument', no_voice: 'invalid_argument' },
    limits: { concurrency: 32 },
    examples: [{ text: 'Привет! Это тестовый синтез речи.', voice: 'ru+f2' }],
  }),
  synthesize_stream: stream({
    summary: 'Speak texts one after the other while they are written. Audio is G.711 μ-law, 8 kHz, mono.',
    input: z.strictObject(speech),
    up: z.union([
      z.strictObject({ id: Id, text: SpokenText }).describe('The next text.'),
      z.strictObject({ cancel: Id }).describe('Say no more of the text with this id; its `end` still follows.'),
    ]),
    down: z.union([
      z.object({ id: Id, audio: bytesUpTo(8_000) }).describe('Up to 1 s of the text with this id.'),
      z.object({
        id: Id,
        end: z.literal(true),
        ...spoken,
        words: z
          .array(
            z.object({
              text: z.string().max(200).meta({ pii: 'text' }),
              startMs: z.int().min(0).max(3_600_000),
              endMs: z.int().min(0).max(3_600_000),
            }),
          )
          .max(5_000)
          .optional()
          .describe('Words with their times, if the provider reports them.'),
      }),
    ]),
    errors: { no_voice: 'invalid_argument' },
  }),
  speak: stream({
    summary: 'Speak a text as G.711 μ-law, 8 kHz, mono, piece by piece. An unknown voice is spoken by the built-in one of the language.',
    input: z.strictObject({ text: SpokenText, ...speech }),
    up: z.strictObject({}),
    down: bytesUpTo(8_000),
    errors: { no_voice: 'invalid_argument' },
    http: { route: 'POST /synthesize/stream', reply: 'stream', contentType: 'audio/basic' },
  }),
  list_voices: method({
    summary: 'List the voices.',
    input: z.strictObject({ language: Language.optional() }),
    output: z.object({
      voices: z
        .array(
          z.object({
            voice: VoiceName,
            provider: z.string().max(40),
            language: Language,
            gender: z.enum(['female', 'male']).nullable(),
            isDefault: z.boolean().describe('It speaks the language where a request names no voice.'),
          }),
        )
        .max(1_000),
    }),
    idempotency: 'read',
    timeoutMs: 5_000,
    http: 'GET /api/v1/tts/voices',
  }),
});
