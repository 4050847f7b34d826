import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { gateway } from '../contracts/gateway.ts';
import { inbox } from '../contracts/inbox.ts';
import { journal } from '../contracts/journal.ts';
import { loadServices } from '../runtime/services.ts';
import { codeAt } from '../services/gateway/people/second-factor.ts';
import { type Browser, findBrowser, openBrowser, type Page } from '../test/kit/browser.ts';
import { type Client, type GatewayWorld, gatewayWorld, http } from '../test/kit/gateway.ts';
import { until } from '../test/kit/until.ts';
import { click, fill, go, password, patienceMs, says, shows, visitors } from '../test/kit/visit.ts';

const program = findBrowser();
/** Debian's package `chromium`, or any Chrome on the PATH. */
const inBrowser = program === null ? test.skip : test;
let it: GatewayWorld;
let browser: Browser;
let send: Client;
let visit: ReturnType<typeof visitors>;
beforeAll(async () => {
  if (program === null) return;
  [it, browser] = await Promise.all([gatewayWorld([]), openBrowser(program)]);
  // Long enough to take an approval back on a busy machine.
  const settings = { SENDER_UNDO_MS: '30000' };
  const services = await loadServices(['journal', 'collector', 'sender', 'call-orchestrator']);
  await Promise.all(services.map(({ folder, service }) => it.world.start(folder, service, settings)));
  send = await it.client('read', 'send');
  visit = visitors(it, browser);
});
afterAll(async () => {
  await browser?.close();
  await it?.stop();
});

const fieldValue = async (page: Page, selector: string): Promise<string> => {
  await shows(page, selector);
  return String(await page.value(`document.querySelector(${JSON.stringify(selector)}).value`));
};
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
    const page = await visit.arrive('anna', 'manager');
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
    // What is new waits behind a button, unless the list has been read again meanwhile.
    await until(async () => {
      await page.value(`document.querySelector('.fresh')?.click()`);
      return String(await page.value(`document.querySelector('.split')?.innerText ?? ''`)).includes('Каждый день');
    }, patienceMs);
    await mayDecide(page);
    await page.press('KeyA', 'ф');
    await until(async () => (await rowOf(second.id)).state === 'queued', patienceMs);

    // A file of clients has those of the list: the own ones and those of nobody.
    const others = await draft('v3', 'Чужая тайна', 'Ответ');
    await it.world.bus.call(inbox.assign_chat, { chatId: first.chatId, personId: 'anna' });
    await it.world.bus.call(inbox.assign_chat, { chatId: others.chatId, personId: 'boris' });
    await go(page, 'clients');
    await says(page, 'Клиент v2', '.grid');
    await page.value(
      `URL.createObjectURL = (file) => (file.text().then((text) => { window.exported = text; }), 'about:blank'); HTMLAnchorElement.prototype.click = () => {}`,
    );
    await click(page, 'Выгрузить CSV');
    const file = String(await until(() => page.value('window.exported'), patienceMs));
    const names = (lines: readonly string[]) => lines.map((line) => line.split(';', 1)[0]).sort();
    expect(names(file.trim().split('\r\n').slice(1))).toEqual(['Клиент v1', 'Клиент v2']);
    const listed = await page.value(`[...document.querySelectorAll('.grid [data-row]')].map((row) => row.innerText.split('\\n')[0])`);
    expect(names(listed as readonly string[])).toEqual(['Клиент v1', 'Клиент v2']);
    expect((await it.world.bus.call(inbox.list_clients, {})).items).toHaveLength(3);
    expect(page.complaints).toEqual([]);
    await page.close();
  },
  2 * patienceMs,
);

inBrowser(
  'an admin invites a manager on the page of people, who accepts the link, and is in the list as active',
  async () => {
    const page = await visit.arrive('root', 'admin');
    await page.value(`document.querySelector('nav a[href="/desk/people"]').click()`);
    await click(page, 'Пригласить');
    await fill(page, { personId: 'vera', name: 'Вера' });
    await says(page, 'приглашён', '[data-row="vera"]');
    const [link, token = ''] = /\/desk\/invite#([\w-]{43})$/.exec(await fieldValue(page, '.once input')) ?? [];
    expect(link).toBeDefined();
    await click(page, 'Готово, скрыть');
    await until(() => page.value(`!document.documentElement.outerHTML.includes('${token}')`) as Promise<boolean>, patienceMs);

    const hers = await visit.accept('vera', token);
    await page.press('KeyG', 'п');
    await page.press('KeyS', 'ы');
    await shows(page, '.sessions li');
    await page.press('KeyG', 'п');
    await page.press('KeyP', 'з');
    await says(page, 'работает', '[data-row="vera"]');

    await page.value(`document.querySelector('[data-row="vera"] a').click()`);
    await click(page, 'Отключить');
    await click(page, 'Отключить', '.sure');
    await says(page, 'отключён', 'dd.state');
    await until(async () => (await hers.value(`fetch('/api/v1/session').then(({ status }) => status)`)) === 401, patienceMs);
    await hers.close();
    expect(page.complaints).toEqual([]);
    await page.close();
  },
  3 * patienceMs,
);

inBrowser(
  'a key made on the page works until it is revoked there, the audit has both, and axe finds nothing on the pages of an admin',
  async () => {
    const page = await visit.arrive('boss', 'admin');
    await go(page, 'keys');
    await click(page, 'Создать ключ');
    await fill(page, { client: 'shop' });
    const key = await fieldValue(page, '.once input');
    const [keyId = ''] = key.split('.');
    await shows(page, `[data-row="${keyId}"]`);
    const ask = http(it.origin, key);
    expect((await ask('GET', '/api/v1/chats')).status).toBe(200);
    await page.value(`document.querySelector('[data-row="${keyId}"] a').click()`);
    await click(page, 'Отозвать');
    await click(page, 'Отозвать', '.sure');
    await says(page, 'отозван', 'dd.state');
    await until(async () => (await ask('GET', '/api/v1/chats')).status === 401, patienceMs);
    await go(page, 'audit?client=staff');
    for (const method of ['gateway.create_key', 'gateway.revoke_key']) await says(page, method, '.grid');

    await go(page, 'settings');
    await fill(page, { current: password, password: `${password} ещё`, again: `${password} ещё` });
    await says(page, 'Пароль изменён', '.notices');
    await click(page, 'Настроить приложение');
    const secret = `document.querySelector('main form code').textContent`;
    await until(() => page.value(`/^[A-Z2-7]{16,}$/.test(${secret})`) as Promise<boolean>, patienceMs);
    const code = codeAt(fromBase32(String(await page.value(secret))), Math.floor(Date.now() / 30_000));
    await fill(page, { code });
    await shows(page, '.codes');
    await click(page, 'Продолжить');
    await says(page, 'Второй шаг входа включён', '.notices');
    // The service of phrases does not run here, and a browser reports that.
    expect(page.complaints.filter((each) => !each.includes('/api/v1/intents/'))).toEqual([]);

    await page.value(readFileSync(new URL('../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8'));
    const found: string[] = [];
    for (const [path, selector] of [
      ['people', '.grid [data-row]'],
      ['people/boss', '.sessions li'],
      ['keys', '.grid [data-row]'],
      [`keys/${keyId}`, 'dd.state'],
      ['audit', '.grid [data-row]'],
      ['settings', '.sessions li'],
    ] as const) {
      await go(page, path);
      await shows(page, `main ${selector}`);
      await page.value(`document.querySelector('main details.fields')?.setAttribute('open', '')`);
      for (const [language, scheme, width] of [
        ['ru', 'light', 1280],
        ['en', 'dark', 320],
      ] as const) {
        await page.value(`document.documentElement.lang !== '${language}' && document.querySelector('header button[lang]').click()`);
        await page.look({ width, height: 900, scheme });
        const violations = (await page.value(
          `new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve))).then(() => axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })).then(({ violations }) => violations.map(({ id, nodes }) => id + ' ' + nodes.map(({ html }) => html.slice(0, 200)).join(' | ')))`,
        )) as string[];
        if ((await page.value('document.documentElement.scrollWidth > innerWidth')) === true) violations.push('wider than the window');
        found.push(...violations.map((violation) => `${path} ${language} ${scheme} ${width}: ${violation}`));
      }
    }
    expect(found).toEqual([]);
    await page.close();
  },
  4 * patienceMs,
);

inBrowser(
  'a client is found by the phone, noted, opted out and erased on the card, each in the audit, while the CRM does not answer',
  async () => {
    const page = await visit.arrive('ira', 'admin');
    const stored = await send('POST', '/api/v1/messages', {
      from: 'v7',
      name: 'Пётр Птицын',
      phoneNumber: '+79165557788',
      text: 'Есть ли пионы?',
    });
    const { chatId } = stored.body as { chatId: string };
    await page.value(`document.querySelector('nav a[href="/desk/clients"]').click()`);
    await fill(page, { q: '8 (916) 555-77-88' });
    // The list is made again for the search: its row is opened in the same turn in which it is seen.
    const openOnly = `location.search.includes('q=') && document.querySelectorAll('[data-row]').length === 1 && (document.querySelector('[data-row] a').click(), true)`;
    await until(() => page.value(openOnly) as Promise<boolean>, patienceMs);
    await says(page, 'Есть ли пионы?', '.client .thread');
    await says(page, '+7 916 555-77-88', '.client .card');
    await says(page, 'Не показаны лиды из CRM', '.client');

    await click(page, 'Добавить заметку');
    await page.value(`document.querySelector('details[open] textarea').focus()`);
    await page.type('Любит белые');
    await page.value(`document.querySelector('details[open] form').requestSubmit()`);
    await says(page, 'Любит белые', '.client .note');
    await click(page, 'Записать отказ');
    await click(page, 'Записать отказ', '.sure');
    await says(page, 'отказ,', '.client .card');
    const { body: refused } = await send('POST', '/api/v1/send', { chatId, text: 'Пионы есть' });
    expect(refused).toMatchObject({ reason: 'opted_out' });

    await click(page, 'Стереть клиента');
    await says(page, 'везде и навсегда', '.sure');
    await click(page, 'Стереть клиента', '.sure');
    await says(page, 'Клиент стёрт', '.notices');
    await until(async () => !String(await page.value(`document.querySelector('#main').innerText`)).includes('Птицын'), patienceMs);
    const { items } = await it.world.bus.call(gateway.list_audit, { client: 'staff', limit: 200 });
    const own = items.filter(({ person }) => person === 'ira').map(({ method }) => method);
    expect(own).toEqual(expect.arrayContaining(['inbox.erase_person', 'consents.set_consent', 'inbox.add_note']));
    expect(page.complaints.filter((text) => !/status of 503.*\/api\/v1\/crm/.test(text))).toEqual([]);
    await page.close();
  },
  3 * patienceMs,
);

function fromBase32(text: string): Buffer {
  const bits = [...text].map((each) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(each).toString(2).padStart(5, '0')).join('');
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}
