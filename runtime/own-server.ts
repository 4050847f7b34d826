/** The nats-server that `polyb up` started, told from others. No client library and no zod: the command line reads it on its way to every call. */
import { connect } from 'node:net';
import { type FindSetting, lookup, type SettingText } from '../config/env.ts';
import { PolybError } from '../contracts/kit/errors.ts';

export interface NatsInfo {
  readonly version: string;
  /** For a server that `polyb up` started: the id of its system. */
  readonly serverName: string | undefined;
  readonly headers: boolean;
  readonly maxPayload: number;
}
/** In run.json: the name of the nats-server that `polyb up` started, which no other system's has. */
export const systemSetting = 'POLYB_SYSTEM_ID';
/** In run.json: the password that `polyb up` made for its bus user `operator`. */
export const operatorSetting = 'POLYB_NATS_OPERATOR_PASSWORD';
const patienceMs = 2_000;

export interface OwnServer {
  /** The name that the server at the address has when it is the one that `polyb up` started. */
  readonly system: string | undefined;
  /** Of the operator. One that `polyb up` made is for the server that it started, and is shown to no other. */
  readonly password: string | undefined;
}
/** @param started the sources without the environment. */
export function ownServer(url: string, find: FindSetting, started: FindSetting): OwnServer {
  const isStarted = isMade(started('NATS_URL')) && lookup('NATS_URL', started) === url;
  return {
    system: isStarted ? lookup(systemSetting, started) : undefined,
    password: isStarted || !isMade(find(operatorSetting)) ? lookup(operatorSetting, find) : undefined,
  };
}
const isMade = (found: SettingText | undefined): boolean => found !== undefined && 'from' in found && found.from.includes('run.json');

/** For clients that show their password at once. @throws PolybError unavailable/other_system when a server of another name is there. */
export async function requireSystem(server: string, system: string | undefined): Promise<void> {
  const info = system === undefined ? undefined : await natsInfo(server);
  if (info !== undefined && info.serverName !== system) throw otherSystem(server);
}

/** The greeting of a nats-server; undefined when none answers there. @param url One server. */
export function natsInfo(url: string): Promise<NatsInfo | undefined> {
  const { hostname, port } = URL.parse(url) ?? {};
  if (!hostname) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    const socket = connect(Number(port || 4222), hostname);
    let text = '';
    const answer = (info?: NatsInfo) => {
      socket.destroy();
      resolve(info);
    };
    socket.setTimeout(patienceMs, () => answer());
    socket.once('error', () => answer());
    socket.once('close', () => answer());
    socket.on('data', (data) => {
      text += data.toString('utf8');
      const line = /^INFO (.*)\r\n/.exec(text)?.[1];
      if (line !== undefined) answer(infoIn(line));
      else if (text.length > 64_000 || !'INFO '.startsWith(text.slice(0, 5))) answer();
    });
  });
}

function infoIn(line: string): NatsInfo | undefined {
  try {
    const { version, server_name, headers, max_payload } = JSON.parse(line) as Readonly<Record<string, unknown>>;
    if (typeof version !== 'string' || typeof max_payload !== 'number') return undefined;
    return {
      version,
      serverName: typeof server_name === 'string' ? server_name : undefined,
      headers: headers === true,
      maxPayload: max_payload,
    };
  } catch {
    return undefined; // no JSON, so no nats-server
  }
}

/** The server at the address of this checkout's nats-server has another name. */
export function otherSystem(server: string): PolybError {
  return new PolybError('unavailable', `The NATS server at ${server} belongs to another system; the system of this checkout is not up`, {
    reason: 'other_system',
  });
}
