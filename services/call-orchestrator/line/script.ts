/**
 * A line script: data that defines the prompts of an answered call, the keys it reads, and where the call goes.
 *
 * Each step names the next one; a step without `next` ends the call after its last word. A text may contain {keys}, which are spoken one by
 * one.
 */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { Callee, Language } from '../../../contracts/common.ts';
import { PolybError } from '../../../contracts/kit/errors.ts';

const Name = z
  .string()
  .max(64)
  .regex(/^[a-z][a-z0-9_]*$/, 'lower-case letters, digits and _');
const Ms = z.int().min(500).max(600_000);
/** A text to speak, or a WAV file beside the script. */
const Speech = z.union([z.string().min(1).max(1_000), z.strictObject({ wav: z.string().min(1).max(200) })]);
const next = Name.optional();
const asking = {
  prompt: Speech,
  timeoutMs: Ms.default(5_000).describe('How long after the prompt, and after each key, the next key may take.'),
  repeats: z.int().min(0).max(5).default(1).describe('How often the prompt is said again when no key comes.'),
  onNone: Name.optional().describe('The step after that. Default: the call ends.'),
};
export const Step = z.discriminatedUnion('do', [
  z.strictObject({ do: z.literal('say'), text: Speech, next }),
  z.strictObject({ do: z.literal('record'), on: z.boolean(), next }).describe('The announcement of it is a step before.'),
  z.strictObject({
    do: z.literal('read_keys'),
    ...asking,
    most: z.int().min(1).max(32).default(20),
    end: z.string().length(1).default('#'),
    isSecret: z
      .boolean()
      .default(false)
      .describe('The recording pauses while the keys are read, and they are not spoken: for the number of a card.'),
    next,
  }),
  z.strictObject({ do: z.literal('choose'), ...asking, options: z.record(z.string().max(1), Name).meta({ maxProperties: 12 }) }),
  z.strictObject({
    do: z.literal('transfer'),
    to: z.array(Callee).min(1).max(10).describe('They are called one after the other until one takes the call; the customer hears music.'),
    rounds: z.int().min(1).max(50).default(1).describe('How often all of them are called.'),
    summary: z.string().max(600).optional().describe('What the person hears first. Without it they are connected when they answer.'),
    onFail: Name.optional(),
  }),
  z.strictObject({ do: z.literal('hang_up') }),
]);
export const LineScript = z
  .strictObject({
    language: Language.default('ru-RU'),
    voice: z.string().max(64).optional(),
    start: Name,
    onMachine: Name.optional().describe('The step that follows the beep of a mailbox which has answered an outbound call. Default: none.'),
    steps: z.record(Name, Step).meta({ maxProperties: 100 }),
  })
  .refine(({ steps }) => Object.keys(steps).length <= 100, 'at most 100 steps')
  .superRefine(({ start, onMachine = start, steps }, context) => {
    const named = new Set([start, onMachine, ...Object.values(steps).flatMap(following)]);
    for (const name of named)
      if (!(name in steps)) context.addIssue({ code: 'custom', message: `there is no step ${name}`, path: ['steps'] });
  });
/** Connects the person on the line with the waiting customer. Not available in scripts from the settings. */
interface Connect {
  readonly do: 'connect';
  readonly onFail: string;
}
export type Step = z.output<typeof Step> | Connect;
export type LineScript = Omit<z.output<typeof LineScript>, 'steps'> & { readonly steps: Readonly<Record<string, Step>> };
export type Speech = z.output<typeof Speech>;

function following(step: z.output<typeof Step>): readonly string[] {
  const names = 'options' in step ? Object.values(step.options) : [];
  for (const field of ['next', 'onNone', 'onFail'] as const) {
    const name = (step as Partial<Record<typeof field, string>>)[field];
    if (name !== undefined) names.push(name);
  }
  return names;
}

/** @throws PolybError invalid_argument with all errors in the file. */
export async function readLineScript(file: string): Promise<LineScript> {
  let written: unknown;
  try {
    written = JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw new PolybError('invalid_argument', `${file}: expected a line script in JSON.`, { cause });
  }
  const script = LineScript.safeParse(written);
  if (script.success) return script.data;
  throw new PolybError('invalid_argument', `${file} is not a line script: ${z.prettifyError(script.error)}`);
}

/** Greets, announces the recording, reads keys until #, repeats them once, and says goodbye. */
export const builtInScript: LineScript = LineScript.parse({
  start: 'greeting',
  steps: {
    greeting: { do: 'say', text: 'Здравствуйте! Разговор записывается.', next: 'record' },
    record: { do: 'record', on: true, next: 'ask' },
    ask: {
      do: 'read_keys',
      prompt: 'Наберите номер вашего заказа и нажмите решётку.',
      timeoutMs: 6_000,
      repeats: 1,
      next: 'repeat',
      onNone: 'goodbye',
    },
    repeat: { do: 'say', text: 'Вы набрали: {keys}.', next: 'goodbye' },
    goodbye: { do: 'say', text: 'Спасибо! Мы вам перезвоним. До свидания.' },
  },
});
/** A script that connects the caller with the first of these people who takes the call. */
export function peopleScript(people: readonly string[], rounds: number): LineScript {
  return LineScript.parse({
    start: 'greeting',
    steps: {
      greeting: { do: 'say', text: 'Здравствуйте! Соединяю вас с сотрудником.', next: 'connect' },
      connect: { do: 'transfer', to: people, rounds, summary: 'Входящий звонок.', onFail: 'sorry' },
      sorry: { do: 'say', text: 'К сожалению, сейчас никто не может ответить. Мы вам перезвоним. До свидания.' },
    },
  });
}
/** The script for a person to whom a call is handed over. @param summary null connects them at once. */
export function briefingScript(summary: string | null): LineScript {
  const connect: Step = { do: 'connect', onFail: 'too_late' };
  const tooLate: Step = { do: 'say', text: 'Клиент уже не ждёт. До свидания.' };
  const { language, steps } = LineScript.parse({
    start: 'briefing',
    steps: {
      briefing: {
        do: 'choose',
        prompt: `${summary ?? ''} Чтобы принять звонок, нажмите один. Чтобы отказаться, нажмите два.`,
        timeoutMs: 8_000,
        repeats: 2,
        options: { 1: 'taken', 2: 'refused' },
      },
      taken: { do: 'hang_up' },
      refused: { do: 'hang_up' },
    },
  });
  return { language, start: summary === null ? 'taken' : 'briefing', steps: { ...steps, taken: connect, too_late: tooLate } };
}
