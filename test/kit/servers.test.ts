import { connect } from 'node:net';
import { expect, test } from '@jest/globals';
import pg from 'pg';
import { testDatabase } from './database.ts';

async function query(url: string, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

test('every test file finds a nats-server that greets', async () => {
  const { hostname, port } = new URL(process.env.NATS_URL ?? '');
  const socket = connect(Number(port), hostname);
  const greeting = await new Promise((resolve, reject) => socket.once('data', resolve).once('error', reject));
  socket.destroy();
  const info = JSON.parse(String(greeting).slice('INFO '.length));
  expect(info).toMatchObject({ max_payload: 2 ** 20, headers: true });
});

test('two test databases share nothing', async () => {
  const [one, other] = await Promise.all([testDatabase(), testDatabase()]);
  await query(one.url, 'CREATE TABLE mine (id int)');
  const found = await query(other.url, "SELECT 1 FROM pg_tables WHERE tablename = 'mine'");
  await Promise.all([one.drop(), other.drop()]);
  expect(found).toEqual([]);
});

test('a dropped test database is gone even while somebody is connected, and may be dropped again', async () => {
  const { url, drop } = await testDatabase();
  const client = new pg.Client({ connectionString: url });
  const cut = new Promise<void>((resolve) => client.on('error', () => resolve()));
  await client.connect();
  await drop();
  await cut;
  await drop();
  await expect(query(url, 'SELECT 1')).rejects.toMatchObject({ code: '3D000' });
});

test('letters of every alphabet fold their case, and order does not depend on the machine', async () => {
  const { url, drop } = await testDatabase();
  const rows = await query(url, "SELECT lower('ПРИВЕТ Ё') AS folded, 'Z' < 'a' AS by_code_point");
  await drop();
  expect(rows).toEqual([{ folded: 'привет ё', by_code_point: true }]);
});
