/** A fake of Bellman: it behaves as its documents say, and fails on request. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

type Fault = 'refuse' | 'lose_answer';
export interface Gateway extends AsyncDisposable {
  readonly url: string;
  /** Phones by reference. */
  readonly rung: ReadonlyMap<string, string>;
  /** Befalls the next call: a refusal, or a ring whose answer is lost. */
  order(fault: Fault): void;
}

export async function startGateway(token: string): Promise<Gateway> {
  const rung = new Map<string, string>();
  const ordered: Fault[] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const reference = request.url?.slice('/calls/'.length) ?? '';
    const body = await text(request);
    const status = (code: number) => void response.writeHead(code).end();
    if (request.headers.authorization !== `Bearer ${token}`) return status(401);
    if (request.method === 'GET') return status(rung.has(reference) ? 200 : 404);
    if (rung.has(reference)) return status(200);
    const fault = ordered.shift();
    if (fault === 'refuse') return status(422);
    rung.set(reference, (JSON.parse(body) as { to: string }).to);
    return fault === 'lose_answer' ? void request.socket.destroy() : status(201);
  };
  const server = createServer((request, response) => void answer(request, response).catch((error) => response.destroy(error)));
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, // a listening TCP server has such an address
    rung,
    order: (fault) => void ordered.push(fault),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
