import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LLMock } from '@copilotkit/aimock';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { allGroups } from '../../../scripts/cli/kernel/commands.ts';
import { findCommand } from '../../../scripts/cli/kernel/find.ts';
import { flagsOf } from '../../../scripts/cli/kernel/flags.ts';
import { createOutput } from '../../../scripts/cli/kernel/output.ts';
import { parseCommand } from '../../../scripts/cli/kernel/parse.ts';
import { readModel } from '../model-file.ts';
import commands from './commands.ts';

let folder: string;
let emulator: LLMock;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'intents-'));
  emulator = new LLMock({ port: 0 });
  await emulator.start();
});
afterEach(async () => {
  await emulator.stop();
  await rm(folder, { recursive: true });
});

async function polyb(words: readonly string[], env: Record<string, string> = {}, columns?: number) {
  const found = findCommand(commands, [...words]);
  if (found === undefined) throw new Error(`no command in ${words.join(' ')}`);
  const { values, args } = parseCommand(found.command, found.path, found.rest);
  const flags = flagsOf(values, env, found.path);
  let stdout = '';
  const out = createOutput({
    flags,
    stdout: { write: (text: string) => (stdout += text), isTTY: columns !== undefined, columns },
    stderr: { write: () => true },
    stdinIsTty: false,
    env: { ...env, NO_COLOR: '1' },
    now: Date.now,
  });
  const run = await found.command.run?.();
  const status = await run?.({ path: found.path, args, flags, out, signal: AbortSignal.timeout(30_000), env, groups: allGroups });
  return { status, stdout };
}
const texts = ['сколько стоит букет из 25 роз?', 'ну такое', 'верните деньги, обманщики', 'что-то мне там всё', 'спасибо огромное вам'];
async function file(): Promise<string> {
  const path = join(folder, 'lines.jsonl');
  await writeFile(path, texts.map((text) => JSON.stringify({ text, intent: 'none' })).join('\n'));
  return path;
}

test('eval prints the table of the own test split, with its goals and where the lines come from', async () => {
  const { status, stdout } = await polyb(['intents', 'eval', '--local'], {}, 200);
  expect(status).toBe(0);
  expect(stdout).toMatch(/INTENT +LINES +PRECISION/);
  for (const line of [
    'macro-F1 0.',
    'calibration error',
    'false alarms',
    '100 %:',
    'whose scenarios are not in the training',
    '0 per 1,000',
  ])
    expect(stdout).toContain(line);
});

test('eval asks the language model about exactly the lines of which the local stage was not sure, and tells the price', async () => {
  emulator.on({ predicate: () => true }, { content: JSON.stringify({ intent: 'none', isUrgent: false, howSure: 'sure' }) });
  const env = {
    LLM_KIND: 'deepseek',
    DEEPSEEK_API_KEY: 'test',
    DEEPSEEK_BASE_URL: emulator.url,
    HTTP_ALLOW_PRIVATE: new URL(emulator.url).origin,
  };
  const line = ['intents', 'eval', await file(), '--price-in', '1', '--price-out', '2', '-o', 'json'];
  const { cost, stages } = JSON.parse((await polyb(line, env)).stdout);
  const local = await readModel();
  const unsure = texts.flatMap((text, index) => (local(text).isCertain ? [] : [`line-${index + 1}`]));
  expect(unsure.length).toBeGreaterThan(0);
  expect(unsure.length).toBeLessThan(texts.length);
  const reached = emulator.getRequests().map(({ headers }) => headers['x-client-request-id']);
  expect(reached.sort()).toEqual(unsure);
  expect(stages).toEqual({ pattern: 0, local: texts.length - unsure.length, llm: unsure.length });
  expect(cost).toMatchObject({ llm: 'deepseek/deepseek-v4-flash', asked: unsure.length, answered: unsure.length });
  const { input, output } = cost.tokensPerThousand;
  expect(cost.perThousand).toBeCloseTo((input + 2 * output) / 1e6, 10);
});

test('eval asks the next provider when the first one is down, and says so', async () => {
  emulator.on({ predicate: () => true }, { content: JSON.stringify({ intent: 'none', isUrgent: false, howSure: 'sure' }) });
  const env = {
    LLM_KIND: 'openai,deepseek',
    OPENAI_API_KEY: 'test',
    OPENAI_BASE_URL: 'http://127.0.0.1:1',
    DEEPSEEK_API_KEY: 'test',
    DEEPSEEK_BASE_URL: emulator.url,
    HTTP_ALLOW_PRIVATE: new URL(emulator.url).origin,
  };
  const { cost } = JSON.parse((await polyb(['intents', 'eval', await file(), '-o', 'json'], env)).stdout);
  expect(cost).toMatchObject({ llm: 'openai/gpt-4.1-mini, deepseek/deepseek-v4-flash', answered: cost.asked });
  expect(emulator.getRequests()).toHaveLength(cost.asked);
});

test.each([
  ['a file that is not there', ['intents', 'eval', '/nonexistent.jsonl'], {}, 'cannot read'],
  ['a price that is none', ['intents', 'eval', '--local', '--price-in', 'cheap'], {}, '--price-in'],
  ['a provider without its key', ['intents', 'eval'], { LLM_KIND: 'openai' }, 'OPENAI_API_KEY'],
  [
    'a provider that is named twice',
    ['intents', 'eval'],
    { LLM_KIND: 'openai,openai' },
    'LLM_KIND: expected none, or comma-separated names',
  ],
])('%s is refused', async (_, line, env, says) => {
  await expect(polyb(line, env)).rejects.toThrow(says);
});

test('training again what was learnt already writes nothing', async () => {
  const { stdout } = await polyb(['intents', 'train', '-o', 'json']);
  expect(JSON.parse(stdout)).toEqual({ isNew: false });
});
