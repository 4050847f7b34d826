#!/usr/bin/env node
// Plain JavaScript, and only what every Node since 18 has: this file must run before the version is known to be right.
import { existsSync, readFileSync } from 'node:fs';
import module from 'node:module';

const given = process.argv.slice(2);
const home = new URL('..', import.meta.url);

if (given.length === 1 && ['version', '--version', '-V'].includes(given[0])) {
  process.stdout.write(`${JSON.parse(readFileSync(new URL('package.json', home), 'utf8')).version}\n`);
} else if (Number.parseInt(process.versions.node, 10) >= 24) {
  module.enableCompileCache?.();
  const { main } = await import('./cli/kernel/main.ts');
  await main(given);
} else {
  await runUnderProjectNode();
}

/** Runs the same command under the Node that `npm ci` put beside the project, and ends as it ends. */
async function runUnderProjectNode() {
  const { fileURLToPath } = await import('node:url');
  const node = fileURLToPath(new URL(`node_modules/node/bin/node${process.platform === 'win32' ? '.exe' : ''}`, home));
  if (!existsSync(node)) {
    process.stderr.write(
      `✗ polyb needs Node 24 or newer, this is ${process.versions.node}, and the project's own Node is not installed (nothing was done)\n` +
        '  npm ci            in the project brings Node 24 along\n',
    );
    process.exitCode = 2;
    return;
  }
  const { spawn } = await import('node:child_process');
  const child = spawn(node, process.argv.slice(1), { stdio: 'inherit' });
  // Ctrl-C in a terminal reaches the child by itself, and a second one means "now"; a signal sent to this process alone has to be passed on.
  process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'));
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? { SIGINT: 130, SIGTERM: 143 }[signal] ?? 1;
  });
}
