import { expect, test } from '@jest/globals';
import { createFramer } from './framing.ts';

const message = (body: string, name = 'Content-Length'): string => `OPTIONS sip:a@b SIP/2.0\r\n${name}: ${body.length}\r\n\r\n${body}`;
const read = (chunks: readonly string[]) => {
  const framer = createFramer();
  const results = chunks.map((chunk) => framer.push(Buffer.from(chunk)));
  return {
    messages: results.flatMap(({ messages }) => messages.map((each) => Buffer.from(each).toString())),
    pings: results.reduce((sum, { pings }) => sum + pings, 0),
    broken: results.at(-1)?.broken ?? null,
  };
};

test('cuts messages alike however the bytes are split', () => {
  const sent = [message('v=0\r\n\r\nx'), message('', 'l'), message('body')];
  const stream = `\r\n\r\n${sent.join('\r\n\r\n')}`;
  for (let size = 1; size <= stream.length; size += 1) {
    const chunks = Array.from({ length: Math.ceil(stream.length / size) }, (_, at) => stream.slice(at * size, (at + 1) * size));
    expect(read(chunks)).toEqual({ messages: sent, pings: 3, broken: null });
  }
});

test('gives up a stream without Content-Length, with headers without end or with a body beyond the limit', () => {
  expect(read(['OPTIONS sip:a@b SIP/2.0\r\nVia: x\r\n\r\n']).broken).toBe('no Content-Length');
  expect(read(['x'.repeat(20_000), 'x'.repeat(20_000)]).broken).toBe('headers too long');
  expect(read(['OPTIONS sip:a@b SIP/2.0\r\nl: 70000\r\n\r\n']).broken).toBe('body too long');
});
