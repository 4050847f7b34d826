import { readFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';

const host = '127.0.0.1';
const attemptMs = 2_000;

/** A loopback port that is free now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, host, () => {
      const address = server.address();
      server.close(() => (typeof address === 'object' && address ? resolve(address.port) : reject(new Error('No loopback port is free'))));
    });
  });
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
