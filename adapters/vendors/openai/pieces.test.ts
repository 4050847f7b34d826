import { expect, test } from '@jest/globals';
import { Chunk, joinPieces, WholeCompletion } from './pieces.ts';

type Piece = Record<string, unknown>;
const fn = (name: string | null, given?: string): Piece => ({ function: { name, arguments: given } });
const chunk = (...tool_calls: readonly Piece[]) => Chunk.parse({ choices: [{ delta: { tool_calls } }] });
/** The calls of a stream in which each chunk has these pieces: id, name and arguments. */
function joined(...chunks: readonly (readonly Piece[])[]): readonly string[] {
  const { joined, add } = joinPieces();
  for (const pieces of chunks) add(chunk(...pieces));
  return joined.calls.map(({ id, name, arguments: given }) => `${id} ${name} ${given}`);
}

test.each<[string, readonly (readonly Piece[])[]]>([
  [
    'by index, with id and name in the first piece only',
    [
      [{ index: 0, id: 'a', ...fn('f', '') }],
      [{ index: 0, ...fn(null, '{"x"') }],
      [{ index: 1, id: 'b', ...fn('g', '') }],
      [{ index: 0, function: { arguments: ':1}' } }],
      [{ index: 1, function: { arguments: '{}' } }],
    ],
  ],
  [
    'as whole calls in one chunk',
    [
      [
        { index: 0, id: 'a', ...fn('f', '{"x":1}') },
        { index: 1, id: 'b', ...fn('g', '{}') },
      ],
    ],
  ],
  ['as whole calls that are all numbered 0', [[{ index: 0, id: 'a', ...fn('f', '{"x":1}') }], [{ index: 0, id: 'b', ...fn('g', '{}') }]]],
  [
    'without an index, with the id in the first piece',
    [[{ id: 'a', ...fn('f', '{"x"') }], [fn(null, ':1}')], [{ id: 'b', ...fn('g', '{') }], [{ function: { arguments: '}' } }]],
  ],
  [
    'with id and name in every piece',
    [
      [{ index: 0, id: 'a', ...fn('f', '{"x"') }],
      [{ index: 0, id: 'a', ...fn('f', ':1}') }],
      [{ index: 1, id: 'b', ...fn('g', '{') }],
      [{ index: 1, id: 'b', ...fn('g', '}') }],
    ],
  ],
  [
    'with the id in every piece, out of order',
    [
      [
        { id: 'a', ...fn('f', '{"x"') },
        { id: 'b', ...fn('g', '{') },
      ],
      [
        { id: 'a', ...fn(null, ':1}') },
        { id: 'b', ...fn(null, '}') },
      ],
    ],
  ],
  [
    'with empty ids and names after the first piece',
    [[{ index: 0, id: 'a', ...fn('f', '{"x"') }], [{ index: 0, id: '', ...fn('', ':1}') }], [{ index: 1, id: 'b', ...fn('g', '{}') }]],
  ],
])('calls are joined that come %s', (_, chunks) => {
  expect(joined(...chunks)).toEqual(['a f {"x":1}', 'b g {}']);
});

test('a call without index and id begins with its name', () => {
  expect(joined([fn('f', '{"x"')], [fn(null, ':1}')], [fn('g', '{}')])).toEqual([' f {"x":1}', ' g {}']);
});

test('calls of a whole message are never joined with each other', () => {
  const { joined: reply, add } = joinPieces();
  const same = { id: 'a', ...fn('f', '3') };
  add(WholeCompletion.parse({ choices: [{ message: { content: null, tool_calls: [fn('f', '1'), fn('f', '2'), same, same] } }] }));
  expect(reply.calls.map(({ arguments: given }) => given)).toEqual(['1', '2', '3', '3']);
});

test('unknown fields of a call are kept from whichever piece they came in', () => {
  const { joined: reply, add } = joinPieces();
  const extra_content = { google: { thought_signature: 'sig' } };
  add(chunk({ index: 0, id: 'a', type: 'function', ...fn('f', '{') }));
  add(chunk({ index: 0, extra_content, ...fn(null, '}') }));
  expect(reply.calls[0]?.extra).toEqual({ extra_content });
});

test('the last usage counts, and a chunk without one changes nothing', () => {
  const { joined: reply, add } = joinPieces();
  for (const tokens of [1, 7]) add(Chunk.parse({ choices: [], usage: { prompt_tokens: tokens, completion_tokens: tokens } }));
  add(Chunk.parse({ choices: [] }));
  expect(reply.usage).toEqual({ prompt_tokens: 7, completion_tokens: 7 });
});
