/** A vendor that refuses everything and repeats what it was asked, as such refusals do: as JSON, in JSON, in PHP's ASCII, in a header, cut off. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface Echo extends AsyncDisposable {
  readonly url: string;
  readonly refused: number;
}
const statuses = [400, 403, 404, 409, 422, 429, 500, 502, 200];

/** @param more Further words for each refusal. */
export async function startEcho(more: () => string): Promise<Echo> {
  let refused = 0;
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const asked = `${decodeURIComponent(request.url ?? '').replaceAll('+', ' ')} ${body} ${more()}`;
      const nth = refused++;
      const said = [
        asked,
        JSON.stringify({ message: asked }),
        JSON.stringify({ error: JSON.stringify({ body: asked }) }),
        JSON.stringify({ message: asked }).replace(/[^\x20-\x7e]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`),
      ][nth % 4];
      response.writeHead(statuses[nth % statuses.length] ?? 500, {
        'content-type': 'application/json',
        'x-status-reason': encodeURIComponent(asked).slice(0, 2_000),
      });
      if (nth % 11 === 10) response.write(said, () => response.destroy());
      else response.end(said);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get refused() {
      return refused;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}
