/** The pages of web/ before a server whose replies and stream a test decides. */
import type { ServerResponse } from 'node:http';
import fastify, { type FastifyRequest } from 'fastify';
import { addPages, type Deployment } from '../../services/gateway/pages.ts';

export type Reply = (request: FastifyRequest) => unknown;
export interface DeskServer {
  readonly origin: string;
  /** `GET /api/v1/journal`; the latest reply of a route counts. A reply that is a `Refusal` is sent as a problem. */
  on(route: string, reply: Reply): void;
  /** Requests so far, oldest first: `GET /api/v1/journal?view=approvals`. */
  readonly requests: readonly string[];
  readonly stream: {
    /** Followers that are connected. */
    followers(): number;
    /** The Last-Event-ID of each connection, oldest first. */
    readonly resumedFrom: readonly (string | undefined)[];
    send(text: string): void;
    /** Ends the connections. */
    drop(): void;
    /** While false, a connection is refused with 503. */
    isOpen: boolean;
  };
  stop(): Promise<void>;
}
export class Refusal {
  readonly status: number;
  readonly problem: Readonly<Record<string, unknown>>;
  constructor(status: number, problem: Readonly<Record<string, unknown>>) {
    this.status = status;
    this.problem = problem;
  }
}

export async function deskServer(deployment?: Deployment): Promise<DeskServer> {
  const app = fastify();
  const replies = new Map<string, Reply>();
  const requests: string[] = [];
  const followers = new Set<ServerResponse>();
  const resumedFrom: (string | undefined)[] = [];
  const stream: DeskServer['stream'] = {
    followers: () => followers.size,
    resumedFrom,
    send(text) {
      for (const follower of followers) follower.write(text);
    },
    drop() {
      for (const follower of followers) follower.destroy();
    },
    isOpen: true,
  };
  const heartbeat = setInterval(() => stream.send(': alive\n\n'), 1_000);
  addPages(app, deployment);
  app.get('/api/v1/stream', (request, reply) => {
    if (!stream.isOpen) return reply.code(503).send({ code: 'unavailable' });
    resumedFrom.push(request.headers['last-event-id'] as string | undefined);
    reply.hijack();
    const { raw } = reply;
    raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    raw.write('retry: 3000\n\n');
    followers.add(raw);
    raw.once('close', () => followers.delete(raw));
    return reply;
  });
  for (const url of ['/api/*', '/health'])
    app.all(url, async (request, reply) => {
      const path = request.url.split('?')[0] ?? '';
      requests.push(`${request.method} ${request.url}`);
      const found = replies.get(`${request.method} ${path}`);
      const body = found === undefined ? new Refusal(404, { code: 'not_found' }) : await found(request);
      if (body instanceof Refusal)
        return reply.code(body.status).header('content-type', 'application/problem+json').send(JSON.stringify(body.problem));
      return reply.header('content-type', 'application/json').send(JSON.stringify(body));
    });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const address = app.server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return {
    origin: `http://127.0.0.1:${address.port}`,
    on: (route, reply) => void replies.set(route, reply),
    requests,
    stream,
    async stop() {
      clearInterval(heartbeat);
      stream.drop();
      app.server.closeAllConnections();
      await app.close();
    },
  };
}
