// What PM2 runs: a daemon for each folder of services/, and the servers that `polyb up` chose to run itself.
// Plain JavaScript, because PM2 reads this file under whatever Node it runs on.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join, relative } from 'node:path';

const root = import.meta.dirname;
const node = nodeWithoutSpaces();
const chosen = readChosen();

const folders = readdirSync(join(root, 'services'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && existsSync(join(root, 'services', entry.name, 'service.ts')))
  .map(({ name }) => name)
  .sort();
const daemons =
  chosen.POLYB_ONE_PROCESS === 'true'
    ? [app('polyb-all', ['runtime/serve.ts', ...folders], { heapMb: 1024 })]
    : folders.map((folder) => app(folder, ['runtime/serve.ts', folder], { heapMb: 512 }));
const servers = ['nats', 'postgres', 'redis'].filter((server) => chosen[`POLYB_${server.toUpperCase()}_PORT`] !== undefined);

export const apps = [
  ...servers.map((server) => app(`polyb-${server}`, ['scripts/cli/system/server.ts', server], { heapMb: 64 })),
  ...daemons,
];

function app(name, program, { heapMb }) {
  const log = join(root, '.polyb', 'logs', `${name}.log`);
  return {
    name,
    namespace: 'polyb',
    cwd: root,
    // Node is the script, not the interpreter: PM2 would load the program through a wrapper, in which it is not the main module.
    script: node,
    interpreter: 'none',
    // What lives shortly is collected every 4 MB and not every 16: 6 MB less at rest, 25 after work, at no CPU that could be measured.
    // The gateway strips the types of its pages, which Node reports as experimental.
    args: [
      '--enable-source-maps',
      '--disable-warning=ExperimentalWarning',
      `--max-old-space-size=${heapMb}`,
      '--max-semi-space-size=4',
      ...program,
    ],
    // Compiled once: a daemon that need not strip types starts in half the time and with 30 MB less.
    env: { NODE_COMPILE_CACHE: join(root, '.polyb', 'compile-cache') },
    exec_mode: 'fork',
    instances: 1,
    // No wait_ready: PM2 starts a process again that is stopped before it is ready. Whether a service is ready is asked of the bus.
    // Of a service: as long as it may drain and finish its work.
    kill_timeout: Number(chosen[`POLYB_KILL_MS_${name.toUpperCase().replaceAll('-', '_')}`] ?? 20_000),
    treekill: false,
    exp_backoff_restart_delay: 100,
    // 78: the settings are not right, and a restart would not change them.
    stop_exit_codes: [78],
    out_file: log,
    error_file: log,
    merge_logs: true,
    pmx: false,
    vizion: false,
  };
}

/** PM2 takes a script with a space in it for a command of a shell, so the project's path must not be part of it: PM2 resolves it from `cwd`. */
function nodeWithoutSpaces() {
  const own = join(root, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  if (existsSync(own)) return relative(root, own);
  if (!process.execPath.includes(' ') || process.platform === 'win32') return process.execPath;
  const link = join(root, '.polyb', 'node');
  mkdirSync(join(root, '.polyb'), { recursive: true });
  rmSync(link, { force: true });
  symlinkSync(process.execPath, link);
  return relative(root, link);
}

/** What `polyb up` chose; nothing before the first `up`, or when the servers are somebody else's. */
function readChosen() {
  const file = join(root, '.polyb', 'run.json');
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
}
