/** The prompt of each state, from files, with the facts of the company and of the session in it. */
import { hash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PolybError } from '../../contracts/kit/errors.ts';
import type { Language, State } from './rows/sessions.ts';

export interface Prompt {
  readonly text: string;
  /** The text without the facts: instructions that must not reach a customer. */
  readonly instructions: string;
  /** SHA-256 of the template, so that turns under different prompts can be compared. */
  readonly hash: string;
}
/** How the model's reply reaches the customer: as a text, by a voice in a call, or the model speaks with the customer itself. */
export type ReplyMode = 'written' | 'spoken' | 'speaks_itself';
export type Prompts = (language: Language, state: State, facts: Readonly<Record<string, string>>, mode: ReplyMode) => Prompt;

const states: readonly State[] = ['GREETING', 'COLLECTING_INFO', 'CONSULTING', 'BOOKING', 'CONFIRMING', 'COMPLETED'];
const languages: readonly Language[] = ['ru', 'en'];
const own = join(import.meta.dirname, 'prompts');

/** @param folder the company's own prompts; a missing file is ours.
 *  @throws PolybError failed_precondition/bad_settings for a prompt with an unknown `{{fact}}`. */
export async function loadPrompts(folder: string | undefined, known: readonly string[]): Promise<Prompts> {
  const read = async (language: Language, name: string): Promise<string> => {
    const file = join(language, `${name}.md`);
    const given = folder === undefined ? null : await readFile(join(folder, file), 'utf8').catch(absent);
    const text = given ?? (await readFile(join(own, file), 'utf8'));
    const unknown = [...text.matchAll(/\{\{(\w+)\}\}/g)].find(([, fact]) => !known.includes(fact ?? ''));
    if (unknown !== undefined)
      throw new PolybError(
        'failed_precondition',
        `The prompt ${file} names ${unknown[0]}; known are ${known.map((fact) => `{{${fact}}}`).join(', ')}.`,
        {
          reason: 'bad_settings',
        },
      );
    return text.trim();
  };
  const templates = new Map<string, string>();
  for (const language of languages) {
    const rules = await read(language, 'rules');
    const spoken = await read(language, 'voice');
    const speech = await read(language, 'speech');
    for (const state of states) {
      const template = `${rules}\n\n${await read(language, state.toLowerCase())}`;
      templates.set(`${language}/${state}/written`, template);
      templates.set(`${language}/${state}/spoken`, `${template}\n\n${spoken}`);
      templates.set(`${language}/${state}/speaks_itself`, `${template}\n\n${speech}`);
    }
  }
  return (language, state, facts, mode) => {
    const template = templates.get(`${language}/${state}/${mode}`) as string;
    return {
      text: template.replace(/\{\{(\w+)\}\}/g, (_, fact: string) => facts[fact] ?? ''),
      instructions: template.replace(/\{\{\w+\}\}/g, ''),
      hash: hash('sha256', template, 'hex').slice(0, 16),
    };
  };
}
function absent(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null;
  throw error;
}
