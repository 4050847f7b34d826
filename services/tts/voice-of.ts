import type { TtsProvider } from '../../adapters/tts/port.ts';
import { PolybError } from '../../contracts/kit/errors.ts';

/**
 * The voice that speaks: the requested one if the provider has it in the language, else the default voice of the language.
 * @throws PolybError invalid_argument/no_voice for a language without a voice.
 */
export async function voiceOf(
  tts: TtsProvider,
  { language, voice }: { readonly language: string; readonly voice?: string | undefined },
  signal: AbortSignal,
): Promise<string> {
  const voices = await tts.voices(language, signal);
  const found = voices.find((one) => one.voice === voice) ?? voices[0];
  if (found !== undefined) return found.voice;
  throw new PolybError('invalid_argument', `No voice of ${tts.provider} speaks ${language}; polyb call list_voices lists the languages.`, {
    reason: 'no_voice',
  });
}
