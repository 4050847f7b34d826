/** Pronunciations of Russian words in the phones of the acoustic model, by the rules of espeak-ng. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
/** Words in one run of the program. */
const batch = 500;

/** Names of phones must differ in their letters: the trainer ignores case and accepts no other characters. */
const names: Readonly<Record<string, string>> = {
  ...{ V: 'ax', A: 'aa', a: 'a', 'a#': 'a', i: 'i', I: 'ih', 'I^': 'ih', y: 'y', e: 'e', E: 'eh', 'E#': 'eh', E2: 'e', o: 'o', u: 'u' },
  ...{ 'u#': 'u', 'u"': 'u', U: 'u', '8': 'oe', O: 'o', '@': 'ax', '&': 'a' },
  ...{ b: 'b', d: 'd', f: 'f', g: 'g', j: 'j', k: 'k', l: 'l', m: 'm', n: 'n', p: 'p', r: 'r', s: 's', t: 't', v: 'v', x: 'x', z: 'z' },
  ...{ n_: 'n', ts: 'ts', tS: 'ch', S: 'sh', Z: 'zh', dZ: 'ch', 'tS;': 'ch', 'dZ;': 'ch', 'S;': 'sch', 'Z;': 'zh', 'j;': 'j', 'x;': 'xj' },
};
/** A barely spoken vowel between consonants. */
const unspoken = '@-';

/**
 * @param listed the phonemes of a word as printed by espeak-ng, separated by spaces: `z 'A p ; i s;`
 * @throws Error for a phoneme that the model does not have
 */
export function phonesOf(listed: string): readonly string[] {
  const phones: string[] = [];
  for (const sign of listed
    .replaceAll(/[',%=]/g, '')
    .replaceAll(/_:|\|\|/g, ' ')
    .trim()
    .split(/\s+/)) {
    if (sign === unspoken || sign === '') continue;
    if (sign === ';') {
      const hard = phones.pop();
      if (hard !== undefined) phones.push(soft(hard));
      continue;
    }
    const [, iotated] = /^j(.+)$/.exec(sign) ?? [];
    if (iotated !== undefined && names[sign] === undefined) phones.push('j', named(iotated));
    else phones.push(names[sign] ?? soft(named(sign.replace(/;$/, ''))));
  }
  return phones;
}
/** Some consonants are always soft or always hard. */
const soft = (phone: string): string => (/^(ch|sch|j|sh|zh|ts)$/.test(phone) || phone.endsWith('j') ? phone : `${phone}j`);
function named(sign: string): string {
  const name = names[sign];
  if (name === undefined) throw new Error(`espeak-ng uses a phoneme that has no phone: ${sign}`);
  return name;
}

/** The phones of each word. */
export async function pronounced(words: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>> {
  const all = new Map<string, readonly string[]>();
  for (let at = 0; at < words.length; at += batch) {
    const some = words.slice(at, at + batch);
    // One paragraph for each word: the program prints a line for each.
    const { stdout } = await run('espeak-ng', ['-v', 'ru', '-q', '-x', '--sep= ', some.map((word) => `${word}.`).join('\n\n')]);
    const lines = stdout.trimEnd().split('\n');
    if (lines.length !== some.length) throw new Error(`espeak-ng printed ${lines.length} lines for ${some.length} words`);
    for (const [nth, word] of some.entries()) all.set(word, phonesOf(lines[nth] ?? ''));
  }
  return all;
}
