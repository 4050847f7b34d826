import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { journal } from '../contracts/journal.ts';
import type { PersonRole } from '../contracts/kit/define.ts';
import { people } from '../contracts/people.ts';
import { loadServices } from '../runtime/services.ts';
import { type Browser, findBrowser, openBrowser, type Page } from '../test/kit/browser.ts';
import { type Client, type GatewayWorld, gatewayWorld } from '../test/kit/gateway.ts';
import { until } from '../test/kit/until.ts';

const program = findBrowser();
/** Debian's package `chromium`, or any Chrome on the PATH. */
const inBrowser = program === null ? test.skip : test;
let it: GatewayWorld;
let browser: Browser;
let send: Client;
beforeAll(async () => {
  if (program === null) return;
  [it, browser] = await Promise.all([gatewayWorld([]), openBrowser(program)]);
  // Long enough to take an approval back on a busy machine.
  const settings = { SENDER_UNDO_MS: '30000' };
  const services = await loadServices(['journal', 'collector', 'sender']);
  await Promise.all(services.map(({ folder, service }) => it.world.start(folder, service, settings)));
  send = await it.client('read', 'send');
});
afterAll(async () => {
  await browser?.close();
  await it?.stop();
});

/** A browser on a busy machine takes its time. */
const patienceMs = 120_000;
const password = 'корова прыгает высоко';
/** Opens the invitation of a new person, who chooses a password and is logged in. */
async function arrive(login: string, role: PersonRole): Promise<Page> {
  const token = randomBytes(32).toString('base64url');
  const tokenHash = createHash('sha256').update(token).digest('hex');
  await it.world.bus.call(people.invite, { personId: login, name: `Имя ${login}`, role, tokenHash });
  const page = await browser.open(`${it.origin}/desk/invite#${token}`, { profile: login });
  await page.look({ width: 1280, height: 800, scheme: 'light' });
  await shows(page, '[name=again]');
  for (const field of ['password', 'again']) {
    await page.value(`document.querySelector('[name=${field}]').focus()`);
    await page.type(password);
  }
  await page.press('Enter', 'Enter');
  await shows(page, 'nav');
  return page;
}
const shows = (page: Page, selector: string) =>
  until(() => page.value(`document.querySelector(${JSON.stringify(selector)}) !== null`) as Promise<boolean>, patienceMs);
const says = (page: Page, words: string, selector = 'body') =>
  until(
    async () => String(await page.value(`document.querySelector(${JSON.stringify(selector)})?.innerText ?? ''`)).includes(words),
    patienceMs,
  );
async function draft(from: string, words: string, reply: string): Promise<{ readonly id: string; readonly chatId: string }> {
  const { body: stored } = await send('POST', '/api/v1/messages', { from, name: `Клиент ${from}`, text: words });
  const { chatId } = stored as { chatId: string };
  const { status, body } = await send('POST', '/api/v1/send', { chatId, text: reply });
  expect({ status, body }).toMatchObject({ status: 200, body: { state: 'pending' } });
  return { id: (body as { id: string }).id, chatId };
}

const rowOf = (id: string) => it.world.bus.call(journal.get, { id });
/** Nothing is decided while the stream is away. */
const mayDecide = (page: Page) =>
  until(() => page.value(`document.querySelector('.detail button.primary')?.disabled === false`) as Promise<boolean>, patienceMs);

inBrowser(
  'an invited manager chooses a password, approves a draft by one key of a Russian layout, and takes another back within the undo window',
  async () => {
    const page = await arrive('anna', 'manager');
    const first = await draft('v1', 'Где мой заказ?', 'Курьер уже едет к вам.');
    await page.press('KeyG', 'п');
    await page.press('KeyA', 'ф');
    await says(page, 'Курьер уже едет', '.split');
    await says(page, 'Где мой заказ?', '.detail .thread');
    await mayDecide(page);
    await page.press('KeyA', 'ф');
    await says(page, 'Курьер уже едет', '.undo');
    const { state, audit } = await rowOf(first.id);
    expect({ state, audit }).toMatchObject({
      state: 'queued',
      audit: [{ who: expect.stringMatching(/^gateway:staff\/.*\/anna$/), did: 'approved' }],
    });
    await page.press('KeyU', 'г');
    await says(page, 'Отправка отменена', '.notices');
    expect(await rowOf(first.id)).toMatchObject({ state: 'cancelled', reason: 'recalled' });

    const second = await draft('v2', 'Когда вы открыты?', 'Каждый день с девяти.');
    // What is new waits behind a button.
    await shows(page, '.fresh');
    await page.value(`document.querySelector('.fresh').click()`);
    await says(page, 'Каждый день', '.split');
    await mayDecide(page);
    await page.press('KeyA', 'ф');
    await until(async () => (await rowOf(second.id)).state === 'queued', patienceMs);
    expect(page.complaints).toEqual([]);
    await page.close();
  },
  2 * patienceMs,
);
