import { crc32, deflateSync, inflateSync } from 'node:zlib';
import { expect, test } from '@jest/globals';
import { palettePng } from './palette-png.ts';

const chunk = (type: string, data: Buffer): Buffer => {
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(Buffer.concat([Buffer.from(type), data])));
  return Buffer.concat([length, Buffer.from(type), data, sum]);
};
const partOf = (png: Buffer, type: string): Buffer => {
  const at = png.indexOf(type) + 4;
  return png.subarray(at, at + png.readUInt32BE(at - 8));
};

test('a picture keeps its colours, whatever filter a row has', () => {
  const header = Buffer.from('0000000200000005' + '0802000000', 'hex');
  // White and black in each row; the filters are none, left, up, average and Paeth.
  const rows = Buffer.from(['00ffffff000000', '01ffffff010101', '02000000000000', '03808080818181', '04000000000000'].join(''), 'hex');
  const png = palettePng(
    Buffer.concat([
      Buffer.from('89504e470d0a1a0a', 'hex'),
      chunk('IHDR', header),
      chunk('IDAT', deflateSync(rows)),
      chunk('IEND', Buffer.alloc(0)),
    ]),
  );
  const table = partOf(png, 'PLTE');
  const places = inflateSync(partOf(png, 'IDAT'));
  const colours = Array.from({ length: 5 }, (_, y) => [1, 2].map((x) => table[(places[y * 3 + x] ?? 0) * 3]));
  expect(colours).toEqual([
    [255, 0],
    [255, 0],
    [255, 0],
    [255, 0],
    [255, 0],
  ]);
});
