import { chownSync, existsSync, mkdirSync, rmdirSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { temporaryDir } from './temporary.ts';
import { unprivileged } from './unprivileged.ts';

const nobodysPid = 2 ** 30; // above any system's largest process id

test('folders forgotten by dead processes are removed, those of living ones and young ones are not', () => {
  const mine = temporaryDir();
  const home = join(mine, '..');
  const twoHoursAgo = Date.now() / 1000 - 7_200;
  const forgotten = join(home, `polyb-tmp-${nobodysPid}-forgotten`);
  const young = join(home, `polyb-tmp-${nobodysPid}-young`);
  for (const dir of [forgotten, young]) mkdirSync(dir);
  const server = unprivileged();
  if (server) chownSync(forgotten, server.uid, server.gid);
  for (const dir of [forgotten, mine]) utimesSync(dir, twoHoursAgo, twoHoursAgo);
  const next = temporaryDir();
  const left = [forgotten, young, mine].map((dir) => existsSync(dir));
  for (const dir of [young, mine, next]) rmdirSync(dir);
  expect(left).toEqual([false, true, true]);
});
