import { connect, createServer } from 'node:net';

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

/** nats-server's first line to a client: only then is it ready, an open port says nothing. */
export function natsAnswers(port: number): Promise<boolean> {
  return firstBytes(port, null, (text) => text.startsWith('INFO '));
}

/**
 * PostgreSQL asks for authentication ('R') once it takes connections; while it starts or recovers it answers 57P03 on an open port.
 * Source: PostgreSQL documentation, "Message Formats", StartupMessage.
 */
export function postgresAnswers(port: number): Promise<boolean> {
  const parameters = Buffer.from('user\0postgres\0database\0postgres\0\0');
  const startup = Buffer.alloc(8);
  startup.writeInt32BE(startup.length + parameters.length, 0);
  startup.writeInt32BE(3 << 16, 4);
  return firstBytes(port, Buffer.concat([startup, parameters]), (text) => text.startsWith('R'));
}

/** Redis answers a PING with +PONG, or with an error while it loads or wants a password; only the latter means that it serves. */
export function redisAnswers(port: number): Promise<boolean> {
  return firstBytes(port, Buffer.from('PING\r\n'), (text) => text.startsWith('+PONG') || text.startsWith('-NOAUTH'));
}

function firstBytes(port: number, send: Buffer | null, accept: (text: string) => boolean): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host, () => send && socket.write(send));
    const answer = (is: boolean) => {
      socket.destroy();
      resolve(is);
    };
    socket.setTimeout(attemptMs, () => answer(false));
    socket.once('data', (data) => answer(accept(data.toString('latin1'))));
    // Refused or closed at once: the server is not there yet.
    socket.once('error', () => answer(false));
    socket.once('close', () => answer(false));
  });
}
