import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { readFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';

const host = '127.0.0.1';
const attemptMs = 2_000;

/** Below the ports that systems choose for outgoing connections, which would take a chosen port before its server has it. */
const [firstPort, lastPort] = [10_000, 32_000];

/** A loopback port on which now neither TCP nor UDP is used. */
export async function freePort(): Promise<number> {
  for (let attempts = 0; attempts < 1_000; attempts += 1) {
    const port = randomInt(firstPort, lastPort);
    if ((await canListen(port)) && (await canBind(port))) return port;
  }
  throw new Error(`No loopback port from ${firstPort} to ${lastPort} is free`);
}

/** True when no program listens on a loopback port. */
export async function isFree(port: number): Promise<boolean> {
  // Listening alone does not tell on every system: a listener on all addresses may leave 127.0.0.1 open to us.
  return !(await accepts(port)) && (await canListen(port));
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host);
    const answer = (is: boolean) => {
      socket.destroy();
      resolve(is);
    };
    socket.once('connect', () => answer(true));
    socket.once('error', () => answer(false));
    socket.setTimeout(attemptMs, () => answer(false));
  });
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer().once('error', () => resolve(false));
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
}

function canBind(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4').once('error', () => resolve(false));
    socket.bind(port, host, () => socket.close(() => resolve(true)));
  });
}

/** nats-server's first line to a client: only then is it ready, an open port says nothing. @param name `server_name` of its configuration; any server unless given. */
export async function natsAnswers(port: number, name?: string): Promise<boolean> {
  const text = await firstBytes(port, null);
  return text.startsWith('INFO ') && (name === undefined || text.includes(`"server_name":"${name}"`));
}

/**
 * PostgreSQL asks for authentication ('R') once it takes connections; while it starts or recovers it answers 57P03 on an open port.
 * Source: PostgreSQL documentation, "Message Formats", StartupMessage.
 */
export async function postgresAnswers(port: number): Promise<boolean> {
  const parameters = Buffer.from('user\0postgres\0database\0postgres\0\0');
  const startup = Buffer.alloc(8);
  startup.writeInt32BE(startup.length + parameters.length, 0);
  startup.writeInt32BE(3 << 16, 4);
  return (await firstBytes(port, Buffer.concat([startup, parameters]))).startsWith('R');
}

/** Whether the server of this cluster accepts connections on `port`, as its lock file says. */
export async function clusterListens(data: string, port: number): Promise<boolean> {
  const lines = (await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n');
  return Number(lines[3]) === port && lines[7]?.trim() === 'ready' && (await postgresAnswers(port));
}

/** Reply of Redis to its password: `ready` when accepted, `busy` while it loads or is absent, `other` when refused. */
export async function redisAnswers(port: number, password?: string): Promise<'ready' | 'busy' | 'other'> {
  const text = await firstBytes(port, Buffer.from(password === undefined ? 'PING\r\n' : `AUTH ${password}\r\n`));
  if (text === '' || text.startsWith('-LOADING')) return 'busy';
  return text.startsWith('+') ? 'ready' : 'other';
}

/** First bytes that a server sends, after `send` unless it is null; '' when none arrive. */
function firstBytes(port: number, send: Buffer | null): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, host, () => send && socket.write(send));
    const answer = (text: string) => {
      socket.destroy();
      resolve(text);
    };
    socket.setTimeout(attemptMs, () => answer(''));
    socket.once('data', (data) => answer(data.toString('latin1')));
    // Refused or closed at once: the server is not there yet.
    socket.once('error', () => answer(''));
    socket.once('close', () => answer(''));
  });
}
