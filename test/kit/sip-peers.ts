/** Real SIP programs as peers of tests: sipp, Kamailio and baresip, from PATH or unpacked from Debian's packages. Loopback alone. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { freePort } from '../../scripts/infra/ready.ts';
import { baresipCommand, type FoundProgram, findSipProgram, writeBaresipConfig } from '../../scripts/infra/sip-programs.ts';
import { temporaryDir } from '../../scripts/infra/temporary.ts';
import { until } from './until.ts';

function isBound(port: number): boolean {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')} `;
  return readFileSync('/proc/net/udp', 'utf8')
    .split('\n')
    .some((line) => line.slice(0, 24).includes(wanted));
}

export interface Peer extends AsyncDisposable {
  readonly port: number;
  output(): string;
}
async function start(
  found: FoundProgram,
  args: readonly string[],
  cwd: string,
): Promise<{ readonly child: ChildProcess; output(): string; stop(): Promise<void> }> {
  let output = '';
  const child = spawn(found.file, args, { cwd, env: found.env, stdio: ['ignore', 'pipe', 'pipe'] });
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (bytes) => (output += bytes));
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  return {
    child,
    output: () => output,
    async stop() {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 3_000);
      await ended;
      clearTimeout(timer);
      await rm(cwd, { recursive: true, force: true });
    },
  };
}

export interface SippOptions {
  /** The steps of the scenario in XML. */
  readonly scenario: string;
  /** Where it calls; without it sipp waits for calls. */
  readonly target?: number;
  readonly calls?: number;
  readonly perSecond?: number;
  /** The longest wait between repeated messages, which then go on longer than usual. */
  readonly t2Ms?: number;
}
export interface Sipp extends Peer {
  /** Resolves with its exit status: 0 when every call went by the scenario. */
  readonly done: Promise<number>;
}

export async function startSipp({ scenario, target, calls = 1, perSecond = 50, t2Ms }: SippOptions): Promise<Sipp> {
  const found = await findSipProgram('sipp');
  const dir = temporaryDir();
  const port = await freePort();
  const file = join(dir, 'scenario.xml');
  await writeFile(file, `<?xml version="1.0" encoding="ISO-8859-1" ?>\n<scenario name="test">\n${scenario}\n</scenario>\n`);
  const role = target === undefined ? [] : [`127.0.0.1:${target}`, '-r', String(perSecond), '-l', String(calls)];
  const common = [
    '-sf',
    file,
    '-i',
    '127.0.0.1',
    '-p',
    String(port),
    '-m',
    String(calls),
    '-nostdin',
    '-timeout',
    '60',
    '-trace_err',
    ...(t2Ms === undefined ? [] : ['-T2', String(t2Ms), '-max_invite_retrans', '20', '-max_non_invite_retrans', '20']),
  ];
  const errors = (): string =>
    globSync(join(dir, '*_errors.log'))
      .map((each) => readFileSync(each, 'utf8'))
      .join('');
  const running = await start(found, [...role, ...common], dir);
  const done = once(running.child, 'exit').then(([code]) => Number(code));
  if (target === undefined) await until(() => isBound(port) || running.child.exitCode !== null, 10_000);
  return {
    port,
    done,
    output: () => (existsSync(dir) ? errors() : '') + running.output().slice(-1_500),
    [Symbol.asyncDispose]: running.stop,
  };
}

export interface KamailioOptions {
  /** What it does with a request, in its own language. */
  readonly route: string;
  readonly listen: (port: number) => readonly string[];
  readonly modules?: readonly string[];
  readonly parameters?: readonly string[];
  readonly files?: Readonly<Record<string, string>>;
}
export async function startKamailio({ route, listen, modules = [], parameters = [], files = {} }: KamailioOptions): Promise<Peer> {
  const found = await findSipProgram('kamailio');
  const dir = temporaryDir();
  const port = await freePort();
  for (const [name, text] of Object.entries(files)) await writeFile(join(dir, name), text);
  const modulePath = globSync(`${found.root}/usr/lib/*-linux-gnu/kamailio/modules`).join(':');
  const config = [
    '#!KAMAILIO',
    'log_stderror=yes',
    'children=1',
    'tcp_children=1',
    'auto_aliases=no',
    ...(modules.includes('tls') ? ['enable_tls=yes'] : []),
    ...listen(port).map((each) => `listen=${each}`),
    `mpath="${modulePath}"`,
    ...['tm', 'sl', 'rr', 'pv', 'textops', 'siputils', ...modules].map((name) => `loadmodule "${name}.so"`),
    ...parameters.map((each) => each.replaceAll('DIR', dir)),
    `request_route {\n${route}\n}`,
    '',
  ].join('\n');
  await writeFile(join(dir, 'kamailio.cfg'), config);
  const running = await start(found, ['-m', '64', '-M', '8', '-DD', '-E', '-Y', dir, '-f', join(dir, 'kamailio.cfg')], dir);
  await until(() => {
    if (running.child.exitCode !== null) throw new Error(`kamailio ended: ${running.output()}`);
    return isBound(port);
  }, 20_000);
  return { port, output: running.output, [Symbol.asyncDispose]: running.stop };
}

export interface Baresip extends Peer {
  command(command: string, params?: string): void;
  /** Events of its control port, such as CALL_ESTABLISHED. */
  readonly events: readonly string[];
  /** What it has heard, at 8 kHz, of each call by itself. */
  heard(): readonly Int16Array[];
}
/** @param user of its address: it takes calls to that one alone */
export async function startBaresip(user = 'phone'): Promise<Baresip> {
  const found = await findSipProgram('baresip');
  const dir = temporaryDir();
  const port = await freePort();
  const control = await freePort();
  // 60 s of silence: at the end of its file baresip ends the call.
  await writeFile(join(dir, 'silence.wav'), wavOfSilence(60));
  await writeBaresipConfig(found, join(dir, 'config'), {
    port,
    user,
    source: `aufile,${join(dir, 'silence.wav')}`,
    modules: ['sndfile', 'ctrl_tcp'],
    lines: [`snd_path ${dir}`, `ctrl_tcp_listen 127.0.0.1:${control}`],
  });
  const running = await start(found, ['-f', join(dir, 'config')], dir);
  const events: string[] = [];
  const socket = await until(async () => {
    if (running.child.exitCode !== null) throw new Error(`baresip ended: ${running.output()}`);
    const trying = connect(control, '127.0.0.1');
    return once(trying, 'connect').then(
      () => trying,
      () => null,
    );
  }, 20_000);
  socket.on('data', (bytes) => {
    for (const [, type] of bytes.toString().matchAll(/"type":"(\w+)"/g)) events.push(type ?? '');
  });
  socket.on('error', () => {}); // it ends before us
  return {
    port,
    events,
    heard: () =>
      globSync(join(dir, 'dump-*-dec.wav'))
        .sort()
        .map((file) => samplesAfterHeader(readFileSync(file))),
    output: running.output,
    command: (command, params) => void socket.write(baresipCommand(command, params)),
    async [Symbol.asyncDispose]() {
      socket.destroy();
      await running.stop();
    },
  };
}

/** Of a file that is still written, whose header says nothing of its length. */
function samplesAfterHeader(file: Uint8Array): Int16Array {
  const head = 44;
  return new Int16Array(Uint8Array.from(file.subarray(head, file.length - (file.length % 2))).buffer);
}
function wavOfSilence(seconds: number): Buffer {
  const data = Buffer.alloc(seconds * 16_000);
  const head = Buffer.alloc(44);
  head.write('RIFF', 0);
  head.writeUInt32LE(36 + data.length, 4);
  head.write('WAVEfmt ', 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(8_000, 24);
  head.writeUInt32LE(16_000, 28);
  head.writeUInt16LE(2, 32);
  head.writeUInt16LE(16, 34);
  head.write('data', 36);
  head.writeUInt32LE(data.length, 40);
  return Buffer.concat([head, data]);
}
