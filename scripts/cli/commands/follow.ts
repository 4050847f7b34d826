/** `polyb call … --follow`: after the reply, the command that follows what the reply names. */
import type { EntryFact } from '../../../contracts/kit/describe.ts';
import type { Command, Invocation } from '../kernel/command.ts';
import { wrongUsage } from '../kernel/failure.ts';
import { leaves } from '../kernel/find.ts';

export interface Follower {
  readonly path: string;
  readonly command: Command;
  /** Of the reply. */
  readonly field: string;
}

/** @throws PolybError when replies of the method name nothing that a command follows. */
export async function followerOf({ address, output }: EntryFact, groups: Invocation['groups']): Promise<Follower> {
  const all = leaves((await groups()).flatMap(({ commands }) => commands));
  const able = all.flatMap(({ path, command }) => (command.follows === undefined ? [] : [{ path, command, field: command.follows }]));
  const found = able.find(({ field }) => output?.properties?.[field] !== undefined);
  if (found !== undefined) return found;
  throw wrongUsage(`--follow: its reply has none of ${able.map(({ field }) => field).join(', ')}, so that there is nothing to follow`, {
    subject: address,
    next: [`polyb describe ${address}`],
  });
}

export async function goOn({ path, command, field }: Follower, reply: unknown, invocation: Invocation): Promise<number> {
  const id = (reply as Readonly<Record<string, unknown>>)[field];
  const run = await command.run?.();
  return typeof id !== 'string' || run === undefined ? 0 : await run({ ...invocation, path, args: [id] });
}
