import { expect, test } from '@jest/globals';
import { codes, exitByReason } from '../../../contracts/kit/errors.ts';
import { commandFacts } from '../commands/commands-list.ts';
import { allGroups } from './commands.ts';

const groups = await allGroups();
const commands = groups.flatMap((group) => group.commands);

import { leaves } from './find.ts';
import { helpCommand, helpOverview } from './help.ts';
import { exits, topics } from './topics.ts';
import { globalFlags } from './tree/flags.ts';
import { topicNames } from './tree/topics.ts';

const plain = (_: unknown, text: string) => text;

test.each(leaves(commands))('$path has code to run', async ({ command }) => {
  expect(await command.run?.()).toBeInstanceOf(Function);
});

test.each(leaves(commands))('help on $path shows its usage, every flag and an example', ({ path, command }) => {
  const text = helpCommand(path, command, plain);
  expect(text).toContain(`polyb ${path}: ${command.summary}`);
  expect(text).toContain('USAGE\n  polyb ');
  for (const { name } of command.flags ?? []) expect(text).toContain(`--${name}`);
  expect(text).toMatch(/EXAMPLES\n {2}\S/);
  expect(text).toMatch(/\nGlobal flags: polyb help flags$/);
  expect(text).not.toContain('--connect-timeout');
});

test('what help calls to see also is there', () => {
  const known = new Set([
    ...leaves(commands).map(({ path }) => path),
    ...commands.map(({ name }) => name),
    ...topicNames.map((name) => `help ${name}`),
  ]);
  const named = leaves(commands).flatMap(({ command }) => command.seeAlso ?? []);
  expect(named.filter((name) => !known.has(name))).toEqual([]);
});

test('the overview names every command', () => {
  const text = helpOverview(groups, plain);
  for (const { name, summary } of commands) expect(text).toMatch(new RegExp(`^ {2}${name} +${summary.slice(0, 20)}`, 'm'));
});

test('the page on exit codes tells every status that a code ends with', () => {
  const told = new Set(exits.map(({ status }) => status));
  expect(Object.entries(codes).filter(([, { exit }]) => !told.has(exit))).toEqual([]);
  expect(topics['exit-codes']?.()).toContain('failed_precondition');
});

test('the topic on flags holds every global flag', () => {
  for (const { name, summary } of globalFlags) expect(topics.flags?.()).toMatch(new RegExp(`--${name}\\b.* ${summary.slice(0, 12)}`));
});

test('the page on exit codes tells every status that a reason decides', () => {
  const told = new Set(exits.map(({ status }) => status));
  expect(Object.entries(exitByReason).filter(([, exit]) => !told.has(exit))).toEqual([]);
});

test('every topic has a text', () => {
  for (const name of topicNames) expect(topics[name]?.().length).toBeGreaterThan(200);
});

test('the machine-readable tree holds flags, impact and examples of every command', () => {
  const facts = commandFacts(commands);
  expect(JSON.parse(JSON.stringify(facts))).toEqual(facts);
  const call = facts.find(({ path }) => path === 'call');
  expect(call).toMatchObject({ impact: 'ext', runs: true, usage: 'ADDRESS [name=value …]' });
  expect(call?.flags?.map(({ name }) => name)).toContain('idempotency-key');
  expect(call?.examples?.length).toBeGreaterThan(2);
});
