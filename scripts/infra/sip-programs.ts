/** SIP programs of others, from PATH or unpacked from Debian's packages: peers of tests, and the phone of the demo. */
import { globSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { unpackDebian } from './debian.ts';
import { firstProgram, onPath, serversDir } from './find-program.ts';

const packages = { sipp: ['sip-tester'], kamailio: ['kamailio', 'kamailio-tls-modules'], baresip: ['baresip-core'] } as const;

export interface FoundProgram {
  readonly file: string;
  /** Where its package was unpacked; empty for an installed one. */
  readonly root: string;
  readonly env: NodeJS.ProcessEnv;
}

/** @throws Error when it is not installed and cannot be unpacked here */
export async function findSipProgram(name: keyof typeof packages, signal?: AbortSignal): Promise<FoundProgram> {
  const installed = onPath(name) ?? firstProgram(['/usr/sbin', '/usr/local/sbin', '/usr/local/bin'], name);
  if (installed) return { file: installed, root: '', env: process.env };
  const roots: string[] = [];
  for (const each of packages[name]) roots.push(await unpackDebian(each, join(serversDir, each), signal));
  const [root = ''] = roots;
  const file = firstProgram([join(root, 'usr/bin'), join(root, 'usr/sbin')], name);
  if (!file) throw new Error(`${name} is neither installed nor in its package`);
  const libraries = roots.flatMap((each) => globSync(`${each}/usr/lib/*-linux-gnu`)).join(':');
  return { file, root, env: { ...process.env, LD_LIBRARY_PATH: libraries } };
}

export interface BaresipOptions {
  readonly port: number;
  /** Its number; it refuses calls to others with 404. */
  readonly user?: string;
  /** What its microphone hears: `aufile,FILE`. */
  readonly source: string;
  /** Of its account, `;answermode=auto`. */
  readonly account?: string;
  readonly modules?: readonly string[];
  /** Further lines of its configuration. */
  readonly lines?: readonly string[];
}
/** Writes the folder that `baresip -f` reads: one account on loopback, G.711, and no sound card. */
export async function writeBaresipConfig(
  { root }: FoundProgram,
  folder: string,
  { port, user = 'phone', source, account = '', modules = [], lines = [] }: BaresipOptions,
): Promise<void> {
  const [modulePath = ''] = globSync(`${root}/usr/lib/baresip/modules`);
  const config = [
    `sip_listen 127.0.0.1:${port}`,
    `audio_source ${source}`,
    'audio_player aubridge,none',
    'audio_alert aubridge,none',
    'ausrc_srate 8000',
    'auplay_srate 8000',
    `module_path ${modulePath}`,
    ...['g711', 'aufile', 'aubridge', ...modules].map((name) => `module ${name}.so`),
    'module_tmp account.so',
    'module_app menu.so',
    ...lines,
    '',
  ];
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'config'), config.join('\n'));
  await writeFile(join(folder, 'accounts'), `<sip:${user}@127.0.0.1:${port}>;regint=0${account}\n`);
  await writeFile(join(folder, 'contacts'), '');
}

/** The text that baresip's ctrl_tcp reads as a command: a netstring of JSON. */
export function baresipCommand(command: string, params = ''): string {
  const text = JSON.stringify({ command, params });
  return `${Buffer.byteLength(text)}:${text},`;
}
