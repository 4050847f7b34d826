/** Pieces of what only the model reads: its instructions, markers within them, names of tools. */
import { visible } from './normal-form.ts';

const run = 8;
const internals =
  /(?<![\p{L}\d./@-])[a-z]{2,}(?:_[a-z]+)+(?![\p{L}\d])|<\/?(?:tool|function|system|think|assistant|user)\w*|"(?:name|arguments|tool_calls|role)"\s*:|<\|[^|]*\||(?:my|the) (?:system prompt|instructions (?:are|say))|(?:мой|моя|мои|моего|моей|моих|вот) (?:системн\p{L}+ (?:промпт|промт|инструкци|подсказк|сообщени)|инструкци)\p{L}*|системн\p{L}+ (?:промпт|промт)/iu;

export function leaks(text: string, { secrets }: { readonly secrets: readonly string[] }): boolean {
  const seen = visible(text);
  if (internals.test(seen)) return true;
  const bare = bareOf(seen);
  const words = claimWords(seen);
  return secrets.some(
    (secret) => spellings(secret).some((each) => each.length > 3 && bare.includes(each)) || sharesRun(words, claimWords(secret)),
  );
}

const bareOf = (text: string): string => text.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');
const claimWords = (text: string): readonly string[] => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];

/** As it is, backwards, and in the encodings that a model is asked to hide it in. */
function spellings(secret: string): readonly string[] {
  const bare = bareOf(secret);
  const bytes = Buffer.from(secret);
  return [bare, [...bare].reverse().join(''), bytes.toString('hex'), bareOf(bytes.toString('base64').replace(/=+$/, ''))];
}

function sharesRun(words: readonly string[], secret: readonly string[]): boolean {
  const runs = new Set<string>();
  for (let at = 0; at + run <= secret.length; at += 1) runs.add(secret.slice(at, at + run).join(' '));
  return words.some((_, at) => at + run <= words.length && runs.has(words.slice(at, at + run).join(' ')));
}
