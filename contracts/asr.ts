/** Speech recognition. */
import { z } from 'zod';
import { BlobRef, Bytes, bytesUpTo, Language, Line } from './common.ts';
import { Expected } from './dialog.ts';
import { contract, method, stream } from './kit/define.ts';

/** The type of the file, as its sender names it: a hint, as programs send `application/octet-stream` for what they do not know. The bytes decide. */
const ContentType = z.string().max(100);
const Hints = z
  .array(z.string().trim().min(1).max(200).meta({ pii: 'text' }))
  .max(200)
  .describe('Likely phrases. An ear with a closed vocabulary hears them instead of its own phrases.');
/** Milliseconds from the beginning of the audio. */
const AtMs = z.int().min(0).max(86_400_000);
const Confidence = z.number().min(0).max(1).nullable().describe('Null if the provider does not report it.');
const Provider = z.string().max(40).describe('The name of the ear, as in `capabilities`.');
const Words = z
  .array(z.object({ text: z.string().max(200).meta({ pii: 'text' }), startMs: AtMs, endMs: AtMs, confidence: Confidence }))
  .max(20_000)
  .describe('Words with their times; empty if the provider does not report them.');
const Heard = z.string().max(65_536).meta({ pii: 'text' });

const recording = z.strictObject({
  audio: z.union([Bytes, BlobRef]).describe('WAV, OGG with Opus, or raw G.711 μ-law of 8 kHz (`audio/basic`). A larger file is a blob.'),
  contentType: ContentType.default('application/octet-stream'),
  language: Language.default('ru-RU'),
  hints: Hints.optional(),
});
const files = { audio: { contentType: 'contentType' } } as const;
const errorsOfRecordings = {
  bad_audio: 'invalid_argument',
  audio_too_long: 'invalid_argument',
  no_vocabulary: 'failed_precondition',
} as const;
const Final = z.object({
  kind: z.literal('final'),
  text: Heard.min(1),
  confidence: Confidence,
  words: Words,
  startMs: AtMs,
  endMs: AtMs,
  provider: Provider,
  endOfTurn: z
    .number()
    .min(0)
    .max(1)
    .optional()
    .describe('How sure the provider is that the speaker has finished after it, by words and sound; absent if it does not judge.'),
});

export const asr = contract('asr', '1.5.0', {
  recognize: method({
    summary: 'Transcribe a recording.',
    input: recording,
    output: z.object({
      text: Heard.describe('Empty when the recording has no speech, or none that the ear knows.'),
      confidence: Confidence,
      words: Words,
      provider: Provider,
      durationMs: AtMs.describe('Length of the recording.'),
    }),
    idempotency: 'read',
    timeoutMs: 120_000,
    http: { route: 'POST /api/v1/asr/recognize', body: 'multipart', files },
    errors: errorsOfRecordings,
    limits: { concurrency: 16 },
  }),
  recognize_stream: stream({
    summary: 'Hear speech while it is spoken. Audio is G.711 μ-law, 8 kHz, mono; times count the audio that was sent.',
    input: z.strictObject({ language: Language.default('ru-RU'), hints: Hints.optional() }),
    up: z.union([
      bytesUpTo(8_000).describe('20 ms to 1 s of audio.'),
      z.strictObject({ finalize: z.literal(true) }).describe('Ask for the final text of everything that was sent.'),
      z
        .strictObject({ expects: z.array(Expected).max(8) })
        .describe('What the speaker is likely to say next; empty: anything. Replaces the former. Some ears then recognize it better.'),
    ]),
    down: z.discriminatedUnion('kind', [
      z.object({
        kind: z.literal('partial'),
        text: Heard.describe('What is heard so far of the next final; it may change.'),
        endOfTurn: z
          .number()
          .min(0)
          .max(1)
          .optional()
          .describe(
            'How sure the provider is that the speaker has finished with this text; present when it begins to expect that, and, as 0, when the speaker goes on.',
          ),
        startsOver: z
          .literal(true)
          .optional()
          .describe(
            'Another ear, or another session, hears the audio after the last final again, so its words come late. `text` is empty.',
          ),
      }),
      Final,
      z.object({ kind: z.literal('finalized') }).describe('All finals of the audio before one `finalize` were sent, perhaps none.'),
    ]),
    errors: { no_vocabulary: 'failed_precondition' },
  }),
  follow_recording: stream({
    summary: 'Transcribe a recording, utterance by utterance.',
    input: recording,
    up: z.strictObject({}),
    down: Final,
    errors: errorsOfRecordings,
    http: { route: 'POST /recognize/stream', reply: 'events', body: 'multipart', files },
  }),
  capabilities: method({
    summary: 'Ears in use, in their order of preference, and what each can hear.',
    input: z.strictObject({}),
    output: z.object({
      ears: z
        .array(
          z.object({
            provider: Provider,
            languages: z.array(Language).max(200).describe('Empty: any language.'),
            vocabulary: z.enum(['open', 'closed']).describe('closed: it hears whole phrases of a list, and nothing else.'),
            hasWordTimes: z.boolean(),
            limits: Line.nullable().describe('What it cannot do, in a sentence.'),
          }),
        )
        .max(10),
    }),
    idempotency: 'read',
    timeoutMs: 2_000,
    http: 'GET /api/v1/asr/capabilities',
  }),
});
