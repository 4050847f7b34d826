/** The pages before a server whose replies a test decides: pictures, connection, hostile texts, accessibility. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { type Browser, findBrowser, openBrowser, type Page } from '../test/kit/browser.ts';
import { type DeskServer, deskServer, Refusal } from '../test/kit/desk.ts';
import { until } from '../test/kit/until.ts';
import { click, go, patienceMs, says, shows } from '../test/kit/visit.ts';

const program = findBrowser();
/** Debian's package `chromium`, or any Chrome on the PATH. */
const inBrowser = program === null ? test.skip : test;
const session = {
  person: { personId: 'anna', name: 'Анна', role: 'manager' },
  hasPassword: true,
  needsSecondFactor: false,
  permissions: [
    ...['journal.list', 'journal.approve', 'journal.get', 'inbox.list_chats', 'inbox.chat_context', 'calls.list_calls', 'calls.start_call'],
    ...['calls.get_transcript', 'calls.get_recording'],
    ...[
      'crm.list_leads',
      'crm.list_deals',
      'crm.list_tasks',
      'crm.create_task',
      'pipelines.lead_to_call',
      'consents.set_consent',
      'inbox.merge_clients',
    ],
  ],
};
const at = '2026-11-28T09:00:00.000Z';
const row = (n: number, text = `Ответ номер ${n}`, name = `Клиент ${n}`) => ({
  ...{ id: `row_${n}`, method: 'messages.deliver', key: `k${n}`, mode: 'send', state: 'proposed', step: null, runId: null, attempts: 0 },
  ...{
    reason: null,
    error: null,
    notBefore: null,
    heldBy: null,
    waitsFor: null,
    behind: 0,
    createdAt: at,
    updatedAt: at,
    hash: `hash${n}`,
  },
  input: { chatId: `chat_${n}`, channel: 'site', text, customer: { name, channel: 'site', said: text, at }, choices: null, media: null },
});
const pending = 'GET /api/v1/sandbox/pending';
const queue = (...rows: readonly object[]) => ({ items: rows, nextCursor: null });

let browser: Browser;
let server: DeskServer;
beforeAll(async () => {
  if (program !== null) browser = await openBrowser(program);
});
beforeEach(async () => {
  await server?.stop();
  server = await deskServer();
  server.on('GET /api/v1/session', () => session);
  const counters = {
    ...{ approvals: 7, chats_waiting: 3, chats_urgent: 1, chats_for_person: 0, chats_unassigned: 2, chats_mine: 1 },
    ...{ calls_now: 1, calls_attention: 4 },
  };
  server.on('GET /api/v1/counters', () =>
    queue(...Object.entries(counters).map(([id, count]) => ({ id, count, isMore: false, oldestAt: at }))),
  );
  server.on('GET /api/v1/chats', () => queue(chat(1), chat(2)));
  server.on('GET /api/v1/chats/chat_1', () => ({ chat: chat(1), messages: [message('in'), message('out')] }));
  server.on('GET /api/v1/messages', () => queue({ ...message('out'), delivery: { status: 'read', errorCode: null, at } }, message('in')));
  server.on('GET /api/v1/clients/c1', () => client);
  server.on('GET /api/v1/chats/chat_1/consents', () => ({
    items: [{ isGiven: false, who: 'gateway:staff/s_1/boris', evidence: null, at }],
  }));
  server.on('GET /api/v1/calls', () => queue(call(1), call(2, 'answered')));
  server.on('GET /api/v1/calls/call_1', () => call(1));
  server.on('GET /api/v1/journal/run_1%3Acall%3A1', () => ({
    ...row(9),
    method: 'calls.start_call',
    state: 'done',
    runId: 'run_1',
    log: [],
    audit: [],
  }));
  server.on('GET /api/v1/crm/leads', () => queue(lead));
  server.on('GET /api/v1/campaigns', () => queue());
  server.on('GET /api/v1/crm/deals', () => ({ items: [deal], isMore: false }));
  server.on('GET /api/v1/crm/tasks', () => ({ items: [task(1, at, false), task(2, at, true)], isMore: true }));
  server.on('GET /api/v1/clients', () => queue(client, { ...client, customerId: 'c2', name: 'Иван из мессенджера', channel: 'telegram' }));
  server.on('GET /api/v1/clients/c1/history', () => history);
  server.on('GET /api/v1/chats/chat_2/consents', () => queue());
  server.on('GET /api/v1/chats/chat_1/notes', () => queue(note));
  server.on('GET /health', () => ({
    status: 'warn',
    checks: { 'service:crm-connector': [{ status: 'warn', output: 'does not respond' }] },
  }));
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});
async function open(path: string, profile: string = randomUUID()): Promise<Page> {
  const page = await browser.open(`${server.origin}${path}`, { profile });
  await page.look({ width: 1280, height: 800, scheme: 'light' });
  return page;
}
const focusedRow = (page: Page) => page.value(`document.querySelector('.row.focused')?.dataset.row`);

inBrowser(
  'markup made of text is refused, and hostile texts are shown as texts',
  async () => {
    const hostile = ['<img src=x onerror="window.hacked = 1">', 'абв\u202eгде', 'я'.repeat(100_000), 'ноль\u0000байт'];
    server.on(pending, () => queue(...hostile.map((text, n) => row(n + 1, text, text.slice(0, 200)))));
    const page = await open('/desk/approvals');
    await shows(page, '.row.focused');
    expect(await page.value(`document.querySelectorAll('.row').length`)).toBe(hostile.length);
    expect(await page.value(`document.querySelector('.draft .text').textContent`)).toBe(hostile[0]);
    expect(await page.value(`document.querySelectorAll('#desk img').length`)).toBe(0);
    expect(
      await page.value(`(() => { try { document.body.innerHTML = '<b>x</b>'; return 'set'; } catch (error) { return error.name; } })()`),
    ).toBe('TypeError');
    expect(await page.value('window.hacked')).toBeUndefined();
    expect(await page.value('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
    expect(page.complaints.filter((text) => !/TrustedHTML/.test(text))).toEqual([]);
    await page.close();
  },
  2 * patienceMs,
);

inBrowser(
  'loading, empty, refused and failed are different pictures, and a failed list is read again',
  async () => {
    const held = Promise.withResolvers<object>();
    server.on(pending, () => held.promise);
    const page = await open('/desk/approvals');
    await shows(page, '.list .picture.loading');
    held.resolve(queue());
    await says(page, 'Ничего не ждёт', '.picture.empty');
    server.on(pending, () => new Refusal(500, { code: 'internal', detail: 'broken', requestId: 'r-1' }));
    await page.value(`location.reload()`);
    await says(page, 'Внутренняя ошибка', '.picture.failed');
    server.on(pending, () => new Refusal(403, { code: 'permission_denied', detail: 'no' }));
    await page.value(`document.querySelector('.picture.failed button').click()`);
    await says(page, 'Недостаточно прав', '.picture.refused');
    server.on(pending, () => queue(row(1)));
    await page.value(`document.querySelector('.picture.refused button').click()`);
    await says(page, 'Ответ номер 1', '.listbox');
    await page.value(`history.pushState(null, '', '/desk/approvals?sort=new&risk=none'); dispatchEvent(new PopStateEvent('popstate'))`);
    await says(page, 'sort, risk', '.picture.refused');
    await page.close();
  },
  2 * patienceMs,
);

inBrowser(
  'a new row waits behind a button, rows under the reader do not move, and a draft decided by another is not decided again',
  async () => {
    server.on(pending, () => queue(row(1), row(2)));
    const page = await open('/desk/approvals');
    await shows(page, '.row.focused');
    await until(() => server.stream.followers() === 1, patienceMs);
    server.stream.send(`id: 5\nevent: approvals\ndata: ${JSON.stringify({ ...row(3), version: 1 })}\n\n`);
    await says(page, '1 новая запись', '.fresh');
    expect(await page.value(`[...document.querySelectorAll('.row')].map((each) => each.dataset.row)`)).toEqual(['row_1', 'row_2']);
    server.stream.send(`event: approvals\ndata: ${JSON.stringify({ id: 'row_1', state: 'gone' })}\n\n`);
    await says(page, 'Уже решено', '.row.focused');
    expect(await page.value(`document.querySelector('.detail button.primary').disabled`)).toBe(true);
    await page.press('KeyA', 'ф');
    await page.press('KeyJ', 'о');
    await until(async () => (await focusedRow(page)) === 'row_2', patienceMs);
    expect(server.requests.filter((request) => request.includes('/approve'))).toEqual([]);
    await page.close();
  },
  2 * patienceMs,
);

inBrowser(
  'a draft that was decided, changed or went stale while it was read is said so in words, and a risk needs a second key',
  async () => {
    const rows = [row(1), row(2), row(3, 'Сделаем скидку 10 %')];
    server.on(pending, () => queue(...rows));
    for (const [id, status, reason] of [
      ['row_1', 409, 'decided'],
      ['row_2', 412, 'hash_mismatch'],
    ] as const)
      server.on(`POST /api/v1/sandbox/${id}/approve`, () => {
        rows.shift();
        return new Refusal(status, { code: 'conflict', reason });
      });
    server.on('POST /api/v1/sandbox/row_3/approve', () => ({ ...row(3), state: 'queued', notBefore: null }));
    const page = await open('/desk/approvals');
    await shows(page, '.chip.live');
    await shows(page, '.row.focused');
    await page.press('KeyA', 'ф');
    await says(page, 'решено другим человеком', '.notices');
    await until(async () => (await focusedRow(page)) === 'row_2', patienceMs);
    await page.press('KeyA', 'ф');
    await says(page, 'изменился, пока вы читали', '.notices');
    await until(async () => (await focusedRow(page)) === 'row_3', patienceMs);
    await page.press('KeyA', 'ф');
    await says(page, 'Shift+A', '.notices');
    expect(server.requests.filter((request) => request.includes('row_3/approve'))).toEqual([]);
    await page.press('KeyA', 'Ф', { shift: true });
    await says(page, 'Одобрено', '.notices');
    await page.close();
  },
  2 * patienceMs,
);

inBrowser(
  'tabs share one stream, which the next tab resumes by the last event; without it deciding is off until it is back',
  async () => {
    server.on(pending, () => queue(row(1)));
    const profile: string = randomUUID();
    const first = await open('/desk/approvals', profile);
    await shows(first, '.chip.live');
    const second = await open('/desk/approvals', profile);
    await shows(second, '.chip.live');
    expect(server.stream.resumedFrom).toHaveLength(1);
    server.stream.send(`id: 17\nevent: approvals\ndata: ${JSON.stringify(row(2))}\n\n`);
    for (const page of [first, second]) await shows(page, '.fresh');
    await first.close();
    await until(() => server.stream.resumedFrom.length === 2, patienceMs);
    expect(server.stream.resumedFrom).toEqual([undefined, '17']);
    server.stream.isOpen = false;
    server.stream.drop();
    await shows(second, '.chip.reconnecting');
    await until(() => second.value(`document.querySelector('.detail button.primary').disabled`) as Promise<boolean>, patienceMs);
    await second.press('KeyA', 'ф');
    await says(second, 'Решать пока нельзя', '.notices');
    expect(server.requests.filter((request) => request.includes('/approve'))).toEqual([]);
    await second.value(`{ const now = Date.now; Date.now = () => now() + 30_000; }`);
    await says(second, 'данные могли устареть', '.picture.old');
    server.on(pending, () => queue(row(1), row(2), row(3)));
    server.stream.isOpen = true;
    await shows(second, '.chip.live');
    await says(second, 'Ответ номер 3', '.listbox');
    await second.close();
  },
  3 * patienceMs,
);

inBrowser(
  'of 1,000 rows only those in view are drawn, and the keyboard reaches the last',
  async () => {
    const rows = Array.from({ length: 1_000 }, (_, n) => row(n));
    server.on(pending, ({ query }) => {
      const from = Number((query as { cursor?: string }).cursor ?? 0);
      return { items: rows.slice(from, from + 200), nextCursor: from + 200 < rows.length ? String(from + 200) : null };
    });
    const page = await open('/desk/approvals');
    await shows(page, '.row.focused');
    await page.value(`document.querySelector('.listbox').focus()`);
    expect(await page.value(`document.querySelectorAll('.row').length`)).toBeLessThan(60);
    const ms = await page.value(`(async () => {
      const list = document.querySelector('.listbox');
      const began = performance.now();
      for (let n = 0; n < 20; n += 1) {
        list.dispatchEvent(new KeyboardEvent('keydown', { code: 'ArrowDown', bubbles: true, cancelable: true }));
        await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
      }
      return (performance.now() - began) / 20;
    })()`);
    process.stdout.write(`a key is drawn within ${Number(ms).toFixed(1)} ms, of 1,000 rows\n`);
    expect(await focusedRow(page)).toBe('row_20');
    await page.press('End', 'End');
    await until(async () => (await focusedRow(page)) === 'row_999', patienceMs);
    expect(await page.value(`document.querySelectorAll('.row').length`)).toBeLessThan(60);
    await page.close();
  },
  2 * patienceMs,
);

inBrowser(
  'a chat is opened, answered and assigned; what arrives meanwhile changes its row in place, and a reply that came too late keeps its text',
  async () => {
    const sent: unknown[] = [];
    server.on('POST /api/v1/send', ({ body }) => {
      sent.push(body);
      return sent.length === 1 ? new Refusal(409, { code: 'conflict', reason: 'stale' }) : { id: 'row_9', state: 'pending' };
    });
    server.on('POST /api/v1/chats/chat_1/assign', () => chat(1));
    const page = await open('/desk/chats');
    await shows(page, '.chip.live');
    await says(page, 'Клиент 1', '.row.focused');
    await page.press('KeyJ', 'о');
    await page.press('KeyK', 'л');
    await page.press('Enter', 'Enter');
    await says(page, 'Где мой заказ?', '.detail .thread');
    await says(page, '+7 999 555-33-22', '.card');
    await says(page, 'Перезвонить после обеда', '.card .notes');
    await says(page, 'прочитано', '.detail .thread');
    await says(page, 'одобрил(а) boris', '.detail .thread');
    const read = server.requests.length;
    const failed = { messageId: 'm_out', chatId: 'chat_1', status: 'failed', errorCode: '131047', at: minutesAfter(1) };
    server.stream.send(`event: deliveries\ndata: ${JSON.stringify({ ...failed, chatId: 'chat_2', errorCode: '7' })}\n\n`);
    server.stream.send(`event: deliveries\ndata: ${JSON.stringify(failed)}\n\n`);
    await says(page, '✕ не доставлено (131047)', '.detail .thread');
    expect(server.requests.slice(read)).toEqual([]);
    server.on('POST /api/v1/chats/chat_1/notes', ({ body }) => {
      server.on('GET /api/v1/chats/chat_1/notes', () => queue({ ...note, noteId: 'note_2', ...(body as object) }, note));
      return {};
    });
    await page.value(`document.querySelector('.card textarea').focus()`);
    await page.type('Любит пионы');
    await click(page, 'Добавить заметку', '.card');
    await says(page, 'Любит пионы', '.card .notes');
    server.stream.send(`id: 9\nevent: messages\ndata: ${JSON.stringify({ ...message('in'), chatId: 'chat_2', text: 'Новое слово' })}\n\n`);
    await says(page, 'Новое слово', '[data-row="chat_2"]');
    expect(await page.value(`[...document.querySelectorAll('.row')].map((each) => each.dataset.row)`)).toEqual(['chat_1', 'chat_2']);
    await page.value(`document.querySelector('.draft textarea').focus()`);
    await page.type('Уже везём');
    await page.press('Enter', 'Enter', { ctrl: true });
    await says(page, 'текст сохранён', '.notices');
    await until(
      () =>
        page.value(
          `document.querySelector('.draft textarea').value === 'Уже везём' && !document.querySelector('.draft button.primary').disabled`,
        ) as Promise<boolean>,
      patienceMs,
    );
    await page.press('Enter', 'Enter', { ctrl: true });
    await says(page, 'ждёт согласования', '.notices');
    expect(sent).toEqual([1, 2].map(() => ({ chatId: 'chat_1', text: 'Уже везём', knows: 'act_1' })));
    expect(await page.value(`document.querySelector('.draft textarea').value`)).toBe('');
    server.on('POST /api/v1/messages/m_in/intent', ({ body }) => body);
    await page.value(
      `{ const choice = document.querySelector('.thread select'); choice.value = 'order'; choice.dispatchEvent(new Event('change')); }`,
    );
    await until(() => server.requests.includes('POST /api/v1/messages/m_in/intent'), patienceMs);
    await until(() => page.value(`!document.querySelector('.detail .bar button').disabled`) as Promise<boolean>, patienceMs);
    await page.value(`document.activeElement.blur()`);
    await page.press('KeyC', 'с');
    await until(() => server.requests.includes('POST /api/v1/chats/chat_1/assign'), patienceMs);
    await page.close();
  },
  2 * patienceMs,
);

inBrowser(
  'each number of the day leads to its list, and the title counts what waits',
  async () => {
    const page = await open('/desk/');
    await says(page, 'Срочные без ответа', '#main');
    await shows(page, '.tile[href="/desk/calls?state=answered"]');
    expect(
      await page.value(
        `[...document.querySelectorAll('.tile')].map((tile) => tile.querySelector('.number').innerText + ' ' + tile.getAttribute('href'))`,
      ),
    ).toEqual([
      '7 /desk/approvals',
      '3 /desk/chats?waiting=1',
      '1 /desk/chats?waiting=1&urgent=1',
      '0 /desk/chats?waiting=1&owner=human',
      '2 /desk/chats?waiting=1&assigned=nobody',
      '1 /desk/chats?waiting=1&assigned=mine',
      '1 /desk/calls?state=answered',
      '4 /desk/calls?attention=1',
    ]);
    await says(page, 'service:crm-connector', '#main');
    await until(async () => (await page.value('document.title')) === '(7) Сегодня — PolyB', patienceMs);
    await until(() => server.stream.followers() === 1, patienceMs);
    const asked = server.requests.length;
    const pushed = { id: 'approvals', count: 8, isMore: false, oldestAt: at };
    server.stream.send(`event: counters\ndata: ${JSON.stringify(pushed)}\n\n`);
    server.stream.send(`event: counters\ndata: ${JSON.stringify({ id: 'chats_mine', count: null, isMore: false, oldestAt: null })}\n\n`);
    await until(async () => (await page.value('document.title')) === '(8) Сегодня — PolyB', patienceMs);
    await says(page, '8', '.tile .number');
    await says(page, 'нет данных', '[href="/desk/chats?waiting=1&assigned=mine"] .number');
    expect(server.requests.slice(asked).filter((request) => /counters|summary|stats/.test(request))).toEqual([]);
    await page.close();
  },
  2 * patienceMs,
);

/** Draws a table of 120 rows beside the page; `window.exported` receives the file of an export. */
const table = `(async () => {
  const names = ['desk', 'grid', 'list', 'html'];
  const [{ createDesk }, { Grid }, { createList }, { html }] = await Promise.all(names.map((name) => import('/assets/kit/' + name + '.ts')));
  const { render } = await import('preact');
  const rows = Array.from({ length: 120 }, (_, n) => ({ id: 'r' + n, name: n === 0 ? '=1+1' : 'Имя ' + n, phone: '+7999' + n }));
  const load = async ({ cursor, limit }) => {
    const from = Number(cursor ?? 0);
    return { items: rows.slice(from, from + limit), nextCursor: from + limit < rows.length ? String(from + limit) : null };
  };
  const idOf = ({ id }) => id;
  const desk = createDesk();
  const list = createList({ load, idOf }, desk.live);
  const columns = ['name', 'phone'].map((name) => ({ name, title: name, text: (item) => item[name] }));
  URL.createObjectURL = (file) => (file.text().then((text) => { window.exported = text; }), 'about:blank');
  HTMLAnchorElement.prototype.click = () => {};
  const place = document.createElement('div');
  place.style.height = '400px';
  place.style.display = 'flex';
  document.querySelector('#main').prepend(place);
  render(html\`<\${Grid} desk=\${desk} name="table" label="Таблица" list=\${list} idOf=\${idOf} columns=\${columns} load=\${load} />\`, place);
})()`;
inBrowser(
  'a table reads the next page when its end comes into view, hides columns, and is exported whole with harmless cells',
  async () => {
    const page = await open('/desk/settings');
    await shows(page, 'fieldset');
    await page.value(table);
    await shows(page, '[role=grid] [role=gridcell]');
    await page.value(`document.querySelector('[role=grid]').focus()`);
    expect(await page.value(`document.querySelector('[role=grid]').getAttribute('aria-rowcount')`)).toBe('51');
    await page.press('End', 'End');
    await until(
      async () => Number(await page.value(`document.querySelector('[role=grid]').getAttribute('aria-rowcount')`)) > 51,
      patienceMs,
    );
    expect(await page.value(`document.querySelectorAll('[role=grid] .row').length`)).toBeLessThan(50);
    const exported = async () => {
      await page.value(
        `window.exported = undefined; [...document.querySelectorAll('.list button')].find(({ innerText }) => innerText === 'Выгрузить CSV').click()`,
      );
      return String(await until(() => page.value('window.exported'), patienceMs));
    };
    const whole = (await exported()).split('\r\n');
    expect(whole.slice(0, 3)).toEqual(['name;phone', "'=1+1;'+79990", "Имя 1;'+79991"]);
    expect(whole).toHaveLength(122);
    await page.value(`document.querySelector('.list summary').click(); document.querySelectorAll('.list .panel input')[1].click()`);
    await until(async () => (await page.value(`document.querySelectorAll('[role=columnheader]').length`)) === 1, patienceMs);
    expect((await exported()).split('\r\n').slice(0, 2)).toEqual(['name', "'=1+1"]);
    await page.close();
  },
  2 * patienceMs,
);

inBrowser(
  'a client is found by words in the address, and the card has one line of time over chats, notes, calls and leads, also while the CRM is away',
  async () => {
    const page = await open('/desk/clients');
    await says(page, '+7 999 555-33-22', '[data-row="c1"]');
    await page.value(`document.querySelector('main [name=q]').focus()`);
    await page.type('8 999 555');
    await page.press('Enter', 'Enter');
    await until(() => server.requests.some((request) => request.startsWith('GET /api/v1/clients?q=8+999+555')), patienceMs);
    await shows(page, '[data-row="c1"]');
    await page.value(`document.activeElement.blur()`);
    await page.press('KeyJ', 'о');
    await page.press('KeyK', 'л');
    await page.press('Enter', 'Enter');
    await says(page, 'Лид из CRM', '.client .thread');
    const kinds = `[...document.querySelectorAll('.client .thread > li')].map((each) => each.querySelector('strong')?.innerText ?? each.querySelector('.text').innerText)`;
    // Each source of the line of time comes in its own time.
    const shown = (...expected: readonly string[]) =>
      page.holds(`JSON.stringify(${kinds}) === ${JSON.stringify(JSON.stringify(expected))}`, patienceMs);
    await shown('Заметка', 'Звонок', 'Звонок', 'Где мой заказ?', 'Лид', 'Где мой заказ?');
    await says(page, 'Иван из мессенджера', '.client .card');
    expect(String(await page.value(`document.querySelector('.client .card').innerText`))).not.toContain('Стереть');

    const asked: unknown[] = [];
    server.on('POST /api/v1/pipelines/lead_to_call', ({ body, headers }) => {
      asked.push([body, headers['idempotency-key']]);
      return asked.length === 1 ? new Refusal(504, { code: 'deadline_exceeded' }) : { runId: 'run_7', status: 'running', output: null };
    });
    await click(page, 'Позвонить');
    await click(page, 'Позвонить', '.sure');
    await says(page, 'Нет ответа вовремя', '.sure');
    await click(page, 'Позвонить', '.sure');
    await says(page, 'run_7', '.notices');
    expect(asked[0]).toEqual(asked[1]);
    expect(asked[0]).toEqual([{ firstName: 'Иван', phoneNumber: '+79995553322', source: 'messenger' }, expect.any(String)]);

    await says(page, 'Свадебный букет 15 000,00 ₽ Счёт', '.client .card');
    await says(page, 'Дело 1 по лиду просрочено, до', '.client .card');
    await says(page, 'Дело 2 по лиду сделано', '.client .card');
    expect(server.requests).toContain('GET /api/v1/crm/deals?phoneNumber=%2B79995553322&limit=20');

    const merges: unknown[] = [];
    server.on('POST /api/v1/clients/c2/merge', ({ body }) => {
      merges.push(body);
      if (merges.length === 1) return new Refusal(403, { code: 'permission_denied', reason: 'not_whole' });
      server.on('GET /api/v1/clients/c1', () => ({ ...client, name: 'Иван единый', mergedIds: ['c2'] }));
      return client;
    });
    await click(page, 'Объединить с другим', '.client');
    await page.value(`document.querySelector('.merge input').focus()`);
    await page.type('из мессенджера');
    await page.press('Enter', 'Enter');
    await says(page, 'Иван из мессенджера', '.merge ul');
    expect(server.requests.some((request) => request.startsWith('GET /api/v1/clients?q=%D0%B8%D0%B7'))).toBe(true);
    await click(page, 'Иван из мессенджера', '.merge');
    const compared = `[...document.querySelectorAll('.merge tbody tr')].map((row) => [...row.children].map((cell) => cell.innerText.replaceAll('\u00a0', ' ')))`;
    expect((await page.value(compared)) as unknown).toEqual(
      expect.arrayContaining([
        ['Имя', 'Иван', 'Иван из мессенджера'],
        ['Канал', 'сайт', 'Telegram'],
      ]),
    );
    await page.value(`document.querySelector('.merge > button').click()`);
    await says(page, 'Разъединить их потом нельзя', '.merge .sure');
    expect(merges).toEqual([]);
    await click(page, 'Объединить с другим', '.merge .sure');
    await says(page, 'Объединить может директор', '.merge .sure');
    await click(page, 'Объединить с другим', '.merge .sure');
    await says(page, 'Иван единый', 'h1');
    expect(merges).toEqual([1, 2].map(() => ({ into: 'c1' })));
    server.on('GET /api/v1/clients/c1', () => ({ ...client, name: 'Иван третий', mergedIds: ['c2', 'c3'] }));
    server.stream.send(`event: merges\ndata: ${JSON.stringify({ mergeId: 'merge_2', customerId: 'c3', into: 'c1', who: 'x', at })}\n\n`);
    await says(page, 'Иван третий', 'h1');
    server.on('GET /api/v1/clients/c1', () => client);

    server.on('GET /api/v1/crm/leads', () => new Refusal(503, { code: 'unavailable', reason: 'upstream_credentials' }));
    server.on('GET /api/v1/crm/deals', () => new Refusal(501, { code: 'unimplemented', reason: 'unsupported', detail: 'amocrm' }));
    await page.value(`location.reload()`);
    await says(page, 'CRM этого не умеет', '.client .card');
    await says(page, 'Не показаны лиды из CRM: CRM не принимает наш ключ', '.client [role=alert]');
    await shown('Заметка', 'Звонок', 'Звонок', 'Где мой заказ?', 'Где мой заказ?');
    expect(page.complaints.filter((text) => !/50[134]|403/.test(text))).toEqual([]);
    await page.close();
  },
  2 * patienceMs,
);

inBrowser(
  'a call whose client is given to another manager leaves the list, and leads that follow an empty page are loaded',
  async () => {
    const page = await open('/desk/calls');
    await shows(page, '[data-row="call_2"]');
    await until(() => server.stream.followers() === 1, patienceMs);
    for (const callId of ['call_2', 'call_9']) server.stream.send(`event: calls\ndata: ${JSON.stringify({ callId, state: 'gone' })}\n\n`);
    await until(async () => (await page.value(`document.querySelector('[data-row="call_2"]') === null`)) === true, patienceMs);
    expect(await page.value(`document.querySelector('.fresh') === null`)).toBe(true);
    const [first, second] = [{ items: [], nextCursor: 'next' }, queue(lead)];
    server.on('GET /api/v1/crm/leads', ({ url }) => (url.includes('cursor=next') ? second : first));
    await go(page, 'leads');
    await click(page, 'Загрузить ещё');
    await shows(page, '[data-row="l1"]');
    await page.close();
  },
  2 * patienceMs,
);

inBrowser(
  'calls that need attention come first, a call again is asked for twice and made once, and a list of leads that the CRM does not give is a failure in words',
  async () => {
    const page = await open('/desk/calls');
    await shows(page, '.chip.live');
    await says(page, 'не ответили', '[data-row="call_1"]');
    expect(server.requests.some((request) => request.startsWith('GET /api/v1/calls?order=attention'))).toBe(true);
    server.stream.send(
      `event: calls\ndata: ${JSON.stringify({ ...call(2, 'answered'), state: 'ended', outcome: 'answered', endedAt: at })}\n\n`,
    );
    await says(page, 'ответили', '[data-row="call_2"]');
    await page.value(`document.querySelector('[data-row="call_1"] a').click()`);
    expect(await page.value(`document.querySelector('.detail').innerText.includes('Разговор')`)).toBe(false);
    await says(page, 'run_1', '.detail');
    const asked: unknown[] = [];
    server.on('POST /api/v1/calls', ({ body, headers }) => {
      asked.push([body, headers['idempotency-key']]);
      return asked.length === 1
        ? new Refusal(412, { code: 'failed_precondition', reason: 'quiet_hours' })
        : { ...call(3), state: 'queued' };
    });
    await click(page, 'Позвонить ещё раз');
    expect(asked).toEqual([]);
    await click(page, 'Позвонить ещё раз', '.sure');
    await says(page, 'тихие часы', '.sure');
    await click(page, 'Позвонить ещё раз', '.sure');
    await says(page, 'Звонок принят', '.notices');
    expect(asked).toEqual([1, 2].map(() => [{ leadId: 'l1', phoneNumber: '+79995553322' }, 'again-call_1']));
    await until(async () => (await page.value('location.pathname')) === '/desk/calls/call_3', patienceMs);
    const answered = { ...call(2), outcome: 'answered', answeredAt: minutesAfter(4) };
    server.on('GET /api/v1/calls/call_2', () => ({ ...answered, provider: 'openai' }));
    server.on('GET /api/v1/calls/call_2/transcript', () => ({ entries: [] }));
    await go(page, 'calls/call_2');
    await says(page, 'Звонок принял по SIP сам openai', '.detail');
    await says(page, 'Агент в этом звонке не говорил', '.detail');

    await go(page, 'leads?phone=%2B79995553322');
    await says(page, 'в работе', '[data-row="l1"]');
    await page.value(`document.querySelector('[data-row="l1"] a').click()`);
    await says(page, 'Хочет букет', '.detail');
    await says(page, 'не ответили', '.detail .cards');
    server.on('GET /api/v1/crm/leads', () => new Refusal(501, { code: 'unimplemented', reason: 'unsupported', detail: 'amocrm' }));
    await go(page, 'leads?status=dead');
    await says(page, 'CRM этого не умеет', '.picture.failed');
    await go(page, 'campaigns');
    await says(page, 'Кампаний пока нет', '.picture.empty');
    expect(await page.value(`/\\d/.test(document.querySelector('#main').innerText)`)).toBe(false);
    const counts = { waiting: 6, dialling: 1, answered: 2, notAnswered: 0, refused: 0, notAllowed: 0, review: 1 };
    const campaign = {
      campaignId: 'cmp_1',
      name: 'Весна',
      state: 'running',
      rules: null,
      counts,
      holds: [{ reason: 'no_consent', members: 1, since: at }],
    };
    server.on('GET /api/v1/campaigns', () =>
      queue({ ...campaign, nextAt: null, createdBy: 'operator', createdAt: at, startedAt: at, endedAt: null }),
    );
    await page.value(`document.querySelector('#main .bar button').click()`);
    await says(page, '3 из 10', '[data-row="cmp_1"]');
    await page.value(`document.querySelector('[data-row="cmp_1"] a').click()`);
    await says(page, 'no_consent: участников: 1', '.detail');
    await page.close();
  },
  2 * patienceMs,
);

inBrowser(
  'a call shows what both sides said with the stages of each answer, and plays its recording from the time of an entry',
  async () => {
    const { entries } = talkOfCall;
    talks();
    const page = await open('/desk/calls/call_2');
    await says(page, 'Улица Ленина', '.detail .thread');
    expect(await page.value(`[...document.querySelectorAll('.detail .message .text')].map(({ textContent }) => textContent)`)).toEqual(
      entries.map(({ text }) => text),
    );
    await says(page, 'перебит клиентом', '.detail .message');
    await says(page, 'Половина начинается не позже чем через 1 050 мс', '.detail');
    const bar = `document.querySelector('.detail .stages')`;
    expect(await page.value(`${bar}.getAttribute('aria-label')`)).toBe(
      '1\u00A0050 мс до ответа: слова 400, тишина 300, голос 300, линия 50',
    );
    expect(await page.value(`[...${bar}.children].map((rect) => rect.getAttribute('class'))`)).toEqual([
      'words',
      'silence',
      'voice',
      'line',
    ]);
    const audio = `document.querySelector('.detail audio')`;
    expect(await page.value(`new URL(${audio}.src).pathname`)).toBe('/api/v1/calls/call_2/recording');
    await page.value(`${audio}.play = () => { window.playedFrom = ${audio}.currentTime; return Promise.resolve(); }`);
    await click(page, '▶ 1:10');
    expect(await page.value('Math.round(window.playedFrom)')).toBe(70);
    await page.close();
  },
  2 * patienceMs,
);

const axe = readFileSync(new URL('../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');
inBrowser(
  'the log-in page leads to the identity provider with the page to come back to, and says why a log-in was refused, once',
  async () => {
    await server.stop();
    server = await deskServer({ provider: { name: 'Компания <b>', hasPasswords: false } });
    server.on('GET /api/v1/session', () => new Refusal(401, { code: 'unauthenticated' }));
    const identity = 'ab'.repeat(32);
    const page = await open(`/desk/chats?waiting=1#refused=conflict&reason=login_taken&login=anna&identity=${identity}`);
    await says(page, `polyb people link anna identity:${identity}`, '.problem');
    await says(page, 'Войти через Компания <b>', 'a.action');
    const provider = '/api/v1/session/provider?to=%2Fdesk%2Fchats%3Fwaiting%3D1';
    await page.holds(`document.activeElement.getAttribute('href') === '${provider}'`, patienceMs);
    expect(await page.value(`document.querySelector('[type=password]')`)).toBeNull();
    expect(await page.value('location.pathname + location.search + location.hash')).toBe('/desk/chats?waiting=1');
    await page.value(axe);
    expect(await page.value(`axe.run().then(({ violations }) => violations.map(({ id }) => id))`)).toEqual([]);
    await page.value('location.reload()');
    await says(page, 'Войти через', 'a.action');
    expect(await page.value(`document.querySelector('.problem')`)).toBeNull();
    server.on('GET /api/v1/session', () => session);
    await page.value(`location.hash = 'refused=failed_precondition&reason=log_in_lost'; location.reload()`);
    await says(page, 'Вход не завершён', '.notices');
    expect(page.complaints.filter((text) => !/40[14]/.test(text))).toEqual([]);
    await page.close();
  },
  2 * patienceMs,
);

inBrowser(
  'axe finds nothing on any page, in Russian and English, light and dark, at 1280 and 320 px, where nothing is wider than the window',
  async () => {
    server.on(pending, () => queue(row(1, 'Сделаем скидку 10 %'), { ...row(2), heldBy: 'gateway:staff/s_1/boris' }));
    const page = await open('/desk/approvals');
    await shows(page, '.thread');
    await page.value(axe);
    // The control: a button without a name is found.
    await page.value(`document.querySelector('#main').append(document.createElement('button'))`);
    expect(await page.value(`axe.run().then(({ violations }) => violations.map(({ id }) => id))`)).toContain('button-name');
    await page.value(`document.querySelector('#main > button').remove()`);
    const found: string[] = [];
    // Of the rules, only the one about contrast depends on the colours.
    const rules = {
      light: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
      dark: { type: 'rule', values: ['color-contrast'] },
    };
    talks();
    const pages = {
      ...{ today: '.tile', approvals: '.thread', 'chats/chat_1': '.thread', settings: 'fieldset', nowhere: '.picture.refused' },
      ...{ clients: '.grid [data-row]', 'clients/c1': '.thread .note', leads: '.grid [data-row]', 'leads/l1': '.detail .cards' },
      ...{ calls: '.grid [data-row]', 'calls/call_1': '.detail .tree', campaigns: '.picture.empty' },
      ...{ 'calls/call_2': '.detail .stages' },
    };
    for (const [name, drawn] of Object.entries(pages)) {
      await page.value(`history.pushState(null, '', '/desk/${name}'); dispatchEvent(new PopStateEvent('popstate'))`);
      await says(page, '', `[data-page="${name.split('/')[0]}"]`);
      await shows(page, drawn);
      for (const language of ['ru', 'en'] as const) {
        await page.value(`document.documentElement.lang !== '${language}' && document.querySelector('header button[lang]').click()`);
        for (const scheme of ['light', 'dark'] as const)
          for (const width of [1280, 320]) {
            await page.look({ width, height: 900, scheme });
            const violations = (await page.value(
              `new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve))).then(() => axe.run({ resultTypes: ['violations'], runOnly: ${JSON.stringify(rules[scheme])} })).then(({ violations }) => violations.map(({ id, nodes }) => id + ' ' + nodes.map(({ html }) => html.slice(0, 200)).join(' | ')))`,
            )) as string[];
            found.push(...violations.map((violation) => `${name} ${language} ${scheme} ${width}: ${violation}`));
            const isWide = await page.value('document.documentElement.scrollWidth > innerWidth');
            if (isWide === true) found.push(`${name} ${language} ${scheme} ${width}: wider than the window`);
          }
      }
    }
    expect(found).toEqual([]);
    await page.close();
  },
  4 * patienceMs,
);
const client = {
  ...{ customerId: 'c1', clientId: 'c1', channel: 'site', name: 'Иван', username: null, phoneNumber: '+79995553322', isPhoneProved: true },
  ...{ role: 'client', messages: 12, firstSeenAt: at, lastSeenAt: at, mergedIds: [] as readonly string[] },
};
const call = (n: number, state: 'answered' | 'ended' = 'ended') => ({
  ...{ callId: `call_${n}`, direction: 'out', leadId: 'l1', line: null, legId: null, answeredBy: null, endedBy: null, hangUpCause: null },
  ...{ q850: null, recordingId: null, transferredTo: null },
  ...{ phoneNumber: client.phoneNumber, state, outcome: state === 'ended' ? 'no_answer' : null },
  ...{ createdAt: minutesAfter(3), ringingAt: minutesAfter(4), answeredAt: state === 'ended' ? null : minutesAfter(5) },
  ...{ endedAt: state === 'ended' ? minutesAfter(5) : null, needsAttention: state === 'ended', key: 'run_1:call:1' },
});
const afterAnswer = (ms: number): string => new Date(Date.parse(minutesAfter(4)) + ms).toISOString();
const entry = { endedAt: afterAnswer(90_000), isInterrupted: false, waterfall: null };
const talkOfCall = {
  entries: [
    { ...entry, who: 'agent', text: 'Салон «Лада», слушаю.', startedAt: afterAnswer(500), isInterrupted: true },
    { ...entry, who: 'customer', text: '<b>какой</b> у вас адрес', startedAt: afterAnswer(70_000) },
    {
      ...{ ...entry, who: 'agent', text: 'Улица Ленина, дом пять.', startedAt: afterAnswer(72_050) },
      waterfall: {
        ...{ lastSoundAt: afterAnswer(71_000), wordsAt: afterAnswer(71_400), turnEndAt: afterAnswer(71_700) },
        ...{ sentenceAt: afterAnswer(71_600), audioAt: afterAnswer(72_000), heardAt: afterAnswer(72_050) },
      },
    },
  ],
};
/** The second call was answered by the agent, and recorded. */
function talks(): void {
  const answered = { outcome: 'answered', answeredAt: minutesAfter(4), recordingId: 'rec_1' };
  server.on('GET /api/v1/calls/call_2', () => ({ ...call(2, 'ended'), ...answered, needsAttention: false }));
  server.on('GET /api/v1/calls/call_2/transcript', () => talkOfCall);
}
const lead = {
  ...{ leadId: 'l1', contactId: 'k1', name: 'Лид из CRM', phoneNumber: '+79995553322', status: 'in_process', statusName: null },
  ...{ source: 'website', comment: 'Хочет букет', createdAt: '2026-11-28T09:01:00.000Z' },
};
const deal = {
  ...{ dealId: 'd1', contactId: 'k1', title: 'Свадебный букет', amount: { amountMinor: 1_500_000, currency: 'RUB' }, stage: 'Счёт' },
  ...{ isOpen: true, closeAt: null, createdAt: at },
};
const task = (n: number, dueAt: string, isDone: boolean) => ({
  ...{ taskId: `t${n}`, about: { kind: 'lead', id: 'l1' }, subject: `Дело ${n}`, dueAt, isDone, createdAt: at },
});
function minutesAfter(minutes: number): string {
  return new Date(Date.parse(at) + minutes * 60_000).toISOString();
}
const chat = (n: number) => ({
  ...{ chatId: `chat_${n}`, channel: 'site', botId: '1', externalId: 'x', kind: 'private', title: null, owner: 'bot', isReachable: true },
  ...{ lastInboundAt: at, lastMessageId: 'm1', lastActId: `act_${n}`, assignedTo: null, canRequestContact: false, lastMessageAt: at },
  ...{
    customer: { customerId: 'c1', name: `Клиент ${n}`, phoneNumber: null },
    intent: 'order',
    isUrgent: true,
    waitingSince: at,
    unanswered: 2,
  },
  lastMessage: { messageId: 'm1', text: `Слова ${n}`, kind: 'text', direction: 'in', isStaff: false, sentAt: at },
});
const message = (direction: 'in' | 'out') => ({
  ...{ messageId: `m_${direction}`, chatId: 'chat_1', channel: 'site', botId: '1', externalId: 'x', direction, kind: 'text', isCut: false },
  ...{ text: 'Где мой заказ?', content: [], threadId: null, albumId: null, replyToExternalId: null, isForwarded: false, sentAt: at },
  ...{ editedAt: at, removedAt: null, receivedAt: at, intent: 'complaint', isCertain: true, confidence: 0.93, isUrgent: true, file: null },
  ...{ files: [{ n: 0, kind: 'photo', name: null, contentType: 'image/png', bytes: 5, durationMs: null, isKept: true }], reactions: [] },
  sender: { customerId: 'c1', userId: 'c1', name: 'Иван', role: 'client', isStaff: false, isBot: direction === 'out' },
  ...{ writtenBy: direction === 'out' ? 'dialog-orchestrator' : null, approvedBy: direction === 'out' ? ['gateway:staff/s_1/boris'] : [] },
});
const said = (minutes: number, of: 'in' | 'out') => ({
  at: minutesAfter(minutes),
  message: {
    ...message(of),
    messageId: `m_${minutes}`,
    sentAt: minutesAfter(minutes),
    delivery: of === 'in' ? null : { status: 'read', errorCode: null, at },
  },
  note: null,
});
const note = { noteId: 'note_1', chatId: 'chat_1', text: 'Перезвонить после обеда', who: 'gateway:staff/s_1/boris', at: minutesAfter(9) };
const history = { items: [{ at: note.at, message: null, note }, said(2, 'out'), said(0, 'in')], nextCursor: null };
