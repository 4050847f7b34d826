/** Pages for those who run the system, before a server whose replies a test decides. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Browser, findBrowser, openBrowser, type Page } from '../test/kit/browser.ts';
import { type DeskServer, deskServer, Refusal } from '../test/kit/desk.ts';
import { until } from '../test/kit/until.ts';
import { patienceMs, says as saysIn, shows } from '../test/kit/visit.ts';

const program = findBrowser();
/** Debian's package `chromium`, or any Chrome on the PATH. */
const inBrowser = program === null ? test.skip : test;
const at = '2026-11-28T09:00:00.000Z';
const markup = '<img src=x onerror="window.hacked = 1">';

const traffic = (perSecond: number | null, errorsPerSecond: number | null = 0, p95Ms: number | null = 12) => ({
  ...{ requests: 100, errors: 1, perSecond, errorsPerSecond, p95Ms },
});
const service = (name: string, more: object = {}) => ({
  ...{ service: name, isExpected: true, isReady: true, dependencies: [], methods: [], calls: [], providers: [] },
  instances: [{ instance: `${name}1`, contracts: [{ name: 'crm', version: '1.0.0' }], startedAt: at, memoryBytes: 104_857_600 }],
  ...more,
});
const dependency = (target: string, failure: string | null) => ({ target, failure, since: at });
const gateway = service('gateway', {
  calls: [
    { method: 'crm.push_to_crm', callee: 'crm-connector', ...traffic(12, 0.06) },
    { method: 'crm.find_contact', callee: 'crm-connector', ...traffic(0) },
    { method: 'calls.start_call', callee: 'call-orchestrator', ...traffic(1, 0.2, 900) },
  ],
});
const crm = service('crm-connector', {
  instances: ['1.0.0', '1.1.0'].map((version, n) => ({
    ...{ instance: `crm${n}`, contracts: [{ name: 'crm', version }], startedAt: at, memoryBytes: 104_857_600 },
  })),
  methods: [
    { method: 'crm.push_to_crm', ...traffic(12, 0.06, 231), dropped: 0, inFlight: 2 },
    { method: 'crm.find_contact', ...traffic(0), dropped: 3, inFlight: 0 },
  ],
  providers: [{ provider: 'crm.espocrm', requests: 7, errors: 1, perSecond: 0.02, errorsPerSecond: 0 }],
  dependencies: [dependency('espocrm', null), dependency(markup, 'upstream_failed')],
});
const silent = service('call-orchestrator', { isReady: false, instances: [] });
const described = {
  ...{ method: 'crm.push_to_crm', summary: 'Find or create the contact.', version: '1.0.0', idempotency: 'keyed', timeoutMs: 10_000 },
  ...{ reachesCustomer: false, approval: 'none', route: 'POST /api/v1/crm/push', scope: 'send', people: ['admin'], takesJson: true },
  errors: [{ reason: 'crm_rejected', code: 'failed_precondition' }],
  input: {
    type: 'object',
    required: ['name'],
    properties: {
      name: { type: 'string', maxLength: 100, description: 'Of the person.' },
      kind: { type: 'string', enum: ['a', 'b'], default: 'a' },
      many: { anyOf: [{ type: 'integer' }, { type: 'null' }] },
      isUrgent: { type: 'boolean' },
      extra: { type: 'object', properties: {} },
    },
  },
  output: { type: 'object' },
  examples: [],
};
const texts = ['intents.list_patterns', 'intents.put_pattern', 'intents.remove_pattern', 'messages.list_templates'];
const may = ['journal.pause', 'journal.resume', 'system.survey_services', 'system.list_settings', 'crm.push_to_crm', ...texts];
const session = {
  person: { personId: 'root', name: 'Администратор', role: 'admin' },
  hasPassword: true,
  needsSecondFactor: false,
  permissions: may,
};

const counters = { approvals: 1, reviews: 2, stuck: 3, dead_letters: 4, services_unwell: 1, providers_unwell: 1 };
const setting = (name: string, more: object = {}) => ({
  ...{ service: 'gateway', group: 'gateway', name, value: '1', isSecret: false, isSet: true, origin: '.env', what: `What ${name} means.` },
  ...{ instances: 1, isShared: true, ...more },
});
const settings = [
  setting('GATEWAY_PORT', { value: '8300' }),
  setting('LOG_LEVEL', { value: 'debug' }),
  setting('LOG_LEVEL', { value: 'debug', service: 'crm-connector' }),
  setting('LOG_LEVEL', { value: 'info', service: 'sender', isShared: false }),
  ...['gateway', 'crm-connector', 'sender'].map((service) =>
    setting('DATABASE_URL', { service, value: null, isSecret: true, origin: 'the environment' }),
  ),
  setting('GATEWAY_HOST', { value: markup, isSet: false, origin: 'default' }),
];
const client = { customerId: 'c1', name: 'Иван <b>', username: null, phoneNumber: '+79995553322' };
const chats = [7, 8, 9, 10, 11].map((n) => ({
  ...{ chatId: `chat_${n}`, customer: { name: 'Пётр' }, lastMessageAt: at, lastMessage: { text: 'Где заказ?' } },
}));

let browser: Browser;
let server: DeskServer;
let pauses: object[] = [];
let patterns: object[] = [{ patternId: 'refund', phrase: 'верн* деньги', intent: 'complaint', isUrgent: true, rank: 10 }];
beforeAll(async () => {
  if (program !== null) browser = await openBrowser(program);
  server = await deskServer({ environment: { name: 'Продажи <b>', kind: 'test' } });
  const paused = { method: 'crm.push_to_crm', since: at, who: 'operator:staff/s_1/root', why: markup };
  server.on('GET /api/v1/session', () => session);
  server.on('GET /api/v1/services', () => ({ items: [silent, crm, gateway], nextCursor: null }));
  server.on('GET /api/v1/counters', () => ({
    items: Object.entries(counters).map(([id, count]) => ({ id, count, isMore: false, oldestAt: null })),
  }));
  server.on('GET /api/v1/settings', () => ({ settings }));
  server.on('GET /api/v1/intents/patterns', () => ({ items: patterns }));
  server.on('PUT /api/v1/intents/patterns/refund', ({ body }) => {
    patterns = [{ patternId: 'refund', ...(body as object) }];
    return patterns[0];
  });
  server.on('DELETE /api/v1/intents/patterns/refund', () => {
    patterns = [];
    return { patternId: 'refund' };
  });
  const template = {
    channel: 'whatsapp',
    name: 'order_ready',
    language: 'ru',
    state: 'PENDING',
    category: null,
    text: markup,
    parameters: 0,
  };
  server.on('GET /api/v1/templates', () => ({ items: [template], nextCursor: null }));
  server.on('GET /health', () => ({ status: 'pass', checks: {} }));
  server.on('GET /api/v1/calls', () => ({ items: [], nextCursor: null }));
  server.on('GET /api/v1/session/all', () => ({ items: [] }));
  server.on('GET /api/v1/clients', ({ query }) => ({ items: (query as { q: string }).q === 'никто' ? [] : [client], nextCursor: null }));
  server.on('GET /api/v1/chats', ({ query }) => ({ items: (query as { q: string }).q === 'никто' ? [] : chats, nextCursor: null }));
  server.on('GET /api/v1/pauses', () => ({ pauses }));
  server.on('PUT /api/v1/pauses/crm.push_to_crm', () => {
    pauses = [paused];
    return { paused: ['crm.push_to_crm'] };
  });
  server.on('DELETE /api/v1/pauses/crm.push_to_crm', () => {
    pauses = [];
    return { paused: [] };
  });
  server.on('GET /api/v1/methods/crm.push_to_crm', () => described);
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});
async function open(path: string): Promise<Page> {
  const page = await browser.open(`${server.origin}${path}`, { profile: path });
  await page.look({ width: 1280, height: 900, scheme: 'light' });
  return page;
}
const selected = (selector: string) => `document.querySelector(${JSON.stringify(selector)})`;
const textOf = async (page: Page, selector: string, what: 'innerText' | 'textContent' = 'innerText') =>
  String(await page.value(`${selected(selector)}?.${what} ?? ''`)).replace(/[\u00a0\u202f]/g, ' ');
const says = (page: Page, words: string, selector = 'main') => saysIn(page, words, selector);
const click = async (page: Page, label: string, within = 'main') => {
  const found = `[...document.querySelectorAll('${within} button, ${within} summary')].find((each) => each.innerText.trim() === ${JSON.stringify(label)})`;
  await until(() => page.value(`${found} !== undefined`) as Promise<boolean>, patienceMs);
  await page.value(`${found}.click()`);
};
const rows = (page: Page) => page.value(`[...document.querySelectorAll('.row[data-row]')].map((each) => each.dataset.row)`);

inBrowser(
  'services are listed with their traffic, change in place when the stream says so, and the unwell are as many as the filter says',
  async () => {
    const page = await open('/desk/services');
    await says(page, 'crm-connector', '[data-row="crm-connector"]');
    expect(await rows(page)).toEqual(['call-orchestrator', 'crm-connector', 'gateway']);
    await says(page, 'не отвечает', '[data-row="call-orchestrator"]');
    expect(await textOf(page, '[data-row="crm-connector"]')).toMatch(/отвечает[\s\S]*2[\s\S]*12[\s\S]*< 1 %[\s\S]*231 мс[\s\S]*! 1 \/ 2/);
    await until(() => server.stream.followers() === 1, patienceMs);
    server.stream.send(`event: services\ndata: ${JSON.stringify({ ...service('gateway'), isReady: false, instances: [] })}\n\n`);
    await says(page, 'не отвечает', '[data-row="gateway"]');
    expect(await rows(page)).toEqual(['call-orchestrator', 'crm-connector', 'gateway']);
    await page.value(`[...document.querySelectorAll('main .bar input[type=checkbox]')][0].click()`);
    await until(async () => JSON.stringify(await rows(page)) === '["call-orchestrator"]', patienceMs);
    expect(await page.value('location.search')).toBe('?state=unwell');
    await page.value(`document.querySelectorAll('main .bar input[type=radio]')[1].click()`);
    await says(page, 'upstream_failed', '.row[data-row]');
    expect(await rows(page)).toEqual([`crm-connector ${markup}`]);
    expect(await page.value('window.hacked')).toBeUndefined();
    await page.close();
  },
  2 * patienceMs,
);

inBrowser(
  'one service shows its instances, callers and methods, says in words whether a restart helps, and a method is paused and resumed',
  async () => {
    const page = await open('/desk/services/crm-connector');
    await says(page, 'разными версиями', '.advice');
    expect(await textOf(page, '.advice')).toContain('polyb restart crm-connector');
    expect(await textOf(page, '.advice')).toContain('Перезапуск не поможет');
    await says(page, 'gateway', 'main [data-id="gateway"]');
    expect(await textOf(page, 'main [data-id="crm0"]')).toContain('100 МБ');
    await page.value(`${selected('[data-id="crm.push_to_crm"] a')}.click()`);
    await says(page, 'POST /api/v1/crm/push', '.method-panel');
    await click(page, 'Остановить crm.push_to_crm', '.method-panel');
    expect(server.requests.filter((request) => request.startsWith('PUT'))).toEqual([]);
    await click(page, 'Остановить crm.push_to_crm', '.method-panel .sure');
    await says(page, 'crm.push_to_crm остановлен: root', '.pauses');
    await says(page, 'остановлен', '[data-id="crm.push_to_crm"]');
    await click(page, 'Возобновить crm.push_to_crm', '.method-panel');
    await click(page, 'Возобновить crm.push_to_crm', '.method-panel .sure');
    await says(page, 'Ничего не остановлено', '.pauses');
    await page.press('Escape', 'Escape');
    await until(async () => (await page.value('location.pathname + location.search')) === '/desk/services/crm-connector', patienceMs);
    expect(await page.value('window.hacked')).toBeUndefined();
    await page.close();
  },
  2 * patienceMs,
);

inBrowser(
  'a method is tried with the fields of its schema under the rights of the person, asks before it changes anything, and a refusal is shown',
  async () => {
    const sent: unknown[] = [];
    server.on('POST /api/v1/crm/push', ({ body }) => {
      sent.push(body);
      if (sent.length > 1) return { leadId: 'lead_7' };
      return new Refusal(412, { code: 'failed_precondition', reason: 'crm_rejected', detail: 'The CRM refuses it.' });
    });
    const page = await open('/desk/services/crm-connector?method=crm.push_to_crm');
    await click(page, 'Попробовать', '.method-panel');
    const set = (name: string, value: string) =>
      page.value(`(() => { const field = ${selected(`.try [name="${name}"]`)}; field.value = ${JSON.stringify(value)}; })()`);
    const send = async () => {
      await click(page, 'Отправить', '.try');
      await click(page, 'Отправить', '.try .sure');
    };
    await send();
    await says(page, 'обязательные поля', '.try .problem');
    await set('name', 'Иван');
    await set('extra', '{');
    await send();
    await says(page, 'extra: это не JSON', '.try .problem');
    expect(sent).toEqual([]);
    await set('extra', '{"a":1}');
    await set('many', '7');
    await set('isUrgent', 'false');
    await send();
    await says(page, 'crm_rejected', '[data-outcome="refusal"]');
    expect(sent).toEqual([{ name: 'Иван', many: 7, isUrgent: false, extra: { a: 1 } }]);
    await set('kind', 'b');
    await send();
    await says(page, 'lead_7', '[data-outcome="reply"]');
    expect(sent[1]).toMatchObject({ kind: 'b' });
    await page.close();
    server.on('GET /api/v1/session', () => ({ ...session, permissions: may.filter((each) => each !== 'crm.push_to_crm') }));
    const barred = await open('/desk/services/crm-connector?method=crm.push_to_crm&');
    await click(barred, 'Попробовать', '.method-panel');
    await says(barred, 'Вашей роли этот метод недоступен', '.method-panel');
    await barred.close();
    server.on('GET /api/v1/session', () => session);
  },
  3 * patienceMs,
);

const placesOf = (page: Page) =>
  page.value(
    `Object.fromEntries([...document.querySelectorAll('.node')].map((node) => [node.dataset.node, node.querySelector('rect').getAttribute('x') + ' ' + node.querySelector('rect').getAttribute('y')]))`,
  );
inBrowser(
  'the map has each service at a place of its own that no traffic moves, and the same connections as a table',
  async () => {
    const page = await open('/desk/map');
    await shows(page, '.node[data-node="gateway"]');
    const before = await placesOf(page);
    expect(new Set(Object.values(before as object)).size).toBe(3);
    expect(await textOf(page, '[data-edge="gateway crm-connector"]', 'textContent')).toMatch(/12\/с < 1 % !/);
    expect(await textOf(page, '[data-edge="gateway call-orchestrator"]', 'textContent')).toMatch(/1\/с 20 % ‼/);
    const width = (edge: string) => page.value(`Number(${selected(`[data-edge="${edge}"] path`)}.getAttribute('stroke-width'))`);
    expect(await width('gateway crm-connector')).toBeGreaterThan(Number(await width('gateway call-orchestrator')));
    expect(await page.value(`${selected('svg.map')}.getAttribute('aria-label')`)).toBe(
      'Сервисов: 3, не отвечают: 1; связей с вызовами за минуту: 2, с ошибками: 2.',
    );
    expect(await page.value(`[...document.querySelectorAll('.plain tbody tr')].map((each) => each.dataset.id)`)).toEqual([
      'gateway call-orchestrator',
      'gateway crm-connector',
    ]);
    // All goes quiet: nothing moves.
    server.on('GET /api/v1/services', () => ({ items: [silent, service('crm-connector'), service('gateway')], nextCursor: null }));
    server.stream.send(`event: services\ndata: ${JSON.stringify(service('gateway'))}\n\n`);
    await says(page, 'вызовов не было');
    expect(await placesOf(page)).toEqual(before);
    server.on('GET /api/v1/services', () => ({ items: [silent, crm, gateway], nextCursor: null }));
    await page.close();
  },
  2 * patienceMs,
);

const row = { id: 'run_0mhd2k4a', mode: 'run', runId: 'run_0mhd2k4a', state: 'failed' };
inBrowser(
  'one box finds clients and chats by words and opens a row by its id; the deployment is named on every page',
  async () => {
    server.on('GET /api/v1/journal/run_0mhd2k4a', () => row);
    const page = await open('/desk/map');
    await says(page, 'Продажи <b> · тест', 'header .environment');
    await shows(page, 'header input[name=search]');
    await page.press('Slash', '.');
    await page.holds(`document.activeElement.name === 'search'`, patienceMs);
    const search = async (text: string) => {
      await page.value(`(() => { const box = ${selected('input[name=search]')}; box.value = ''; box.focus(); })()`);
      await page.type(text);
      await page.press('Enter', 'Enter');
    };
    await search('заказ');
    await says(page, 'Иван <b>, +7 999 555-33-22', '.search .panel');
    expect(server.requests).toEqual(expect.arrayContaining([`GET /api/v1/chats?q=${encodeURIComponent('заказ')}&limit=5`]));
    await says(page, 'Все чаты с «заказ»', '.search .panel');
    expect(await page.value(`[...document.querySelectorAll('.search .panel a')].map((each) => each.getAttribute('href'))`)).toEqual([
      '/desk/clients/c1',
      ...chats.map(({ chatId }) => `/desk/chats/${chatId}`),
      `/desk/chats?q=${encodeURIComponent('заказ')}`,
    ]);
    await page.value(`${selected('.search .panel a[href="/desk/chats/chat_7"]')}.click()`);
    await until(async () => (await page.value('location.pathname')) === '/desk/chats/chat_7', patienceMs);
    await until(() => page.value(`${selected('.search .panel')} === null`) as Promise<boolean>, patienceMs);
    await says(page, 'Чьи', 'main'); // The page that comes takes the focus.
    await search('никто');
    await says(page, 'Ничего не найдено', '.search .panel');
    await search('row_doesnotexist');
    await says(page, 'Записи с таким номером нет', '.search .panel');
    await page.press('Escape', 'Escape');
    await until(() => page.value(`${selected('.search .panel')} === null`) as Promise<boolean>, patienceMs);
    await search('run_0mhd2k4a');
    await until(async () => (await page.value('location.pathname')) === '/desk/runs/run_0mhd2k4a', patienceMs);
    await page.close();
  },
  2 * patienceMs,
);

inBrowser(
  'the day has what does not go on, each number with its list; settings show where they come from, and of a secret only that it is set',
  async () => {
    const page = await open('/desk/today');
    await says(page, 'Сервисы не отвечают');
    expect(
      await page.value(
        `[...document.querySelectorAll('.tile')].slice(-5).map((tile) => tile.querySelector('.number').innerText + ' ' + tile.getAttribute('href'))`,
      ),
    ).toEqual([
      '2 /desk/reviews',
      '3 /desk/runs?stuck=1',
      '4 /desk/dead-letters',
      '1 /desk/services?state=unwell',
      '1 /desk/services?view=providers&state=unwell',
    ]);
    await page.value(`${selected('.tile[href="/desk/services?state=unwell"]')}.click()`);
    await until(async () => JSON.stringify(await rows(page)) === '["call-orchestrator"]', patienceMs);
    await page.value(`history.pushState(null, '', '/desk/settings'); dispatchEvent(new PopStateEvent('popstate'))`);
    await says(page, '4 настройки', '.system-settings');
    const names = () => page.value(`[...document.querySelectorAll('.system-settings tbody th')].map((each) => each.innerText)`);
    expect(await names()).toEqual(['DATABASE_URL', 'GATEWAY_PORT', 'LOG_LEVEL', 'LOG_LEVEL']);
    expect(await textOf(page, '.system-settings tbody')).toMatch(
      /секрет, задан[\s\S]*все сервисы[\s\S]*gateway, crm-connector[\s\S]*не у всех: 1 экз\./,
    );
    await page.value(`document.querySelector('[name=setting]').focus()`);
    await page.type('host');
    await says(page, markup, '.system-settings tbody');
    expect(await names()).toEqual(['GATEWAY_HOST']);
    await says(page, 'upstream_failed');
    await says(page, 'верн* деньги', '.patterns tbody');
    await until(async () => {
      // What the page reads again meanwhile closes it.
      await page.value(`(each => each?.open === false && each.querySelector('summary').click())(document.querySelector('.templates'))`);
      return String(await page.value(`document.querySelector('.templates tbody')?.innerText`)).includes(markup);
    }, patienceMs);
    await says(page, 'PENDING', '.templates tbody');
    await click(page, 'Изменить', '.patterns');
    await page.value(`document.querySelector('[name=phrase]').focus()`);
    await page.type('срочно ');
    await click(page, 'Сохранить', '.patterns');
    await says(page, 'Фраза сохранена', '.notices');
    expect(patterns).toEqual([{ patternId: 'refund', phrase: 'срочно верн* деньги', intent: 'complaint', isUrgent: true, rank: 10 }]);
    await click(page, 'Удалить', '.patterns');
    await click(page, 'Удалить', '.patterns .sure');
    await says(page, 'Таких фраз нет', '.patterns');
    expect(await page.value('window.hacked')).toBeUndefined();
    await page.close();
  },
  2 * patienceMs,
);

const axe = readFileSync(new URL('../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');
const views = {
  services: '.row[data-row]',
  'services?view=providers': '.row[data-row]',
  'services/crm-connector?method=crm.push_to_crm': '.method-panel dl',
  map: '.node',
  settings: '.system-settings tbody',
  today: '.tile',
};
inBrowser(
  'axe finds nothing on the pages of services, in Russian and English, light and dark, at 1280 and 320 px, where nothing is wider than the window',
  async () => {
    const page = await open('/desk/services');
    await page.value(axe);
    const found: string[] = [];
    for (const [path, drawn] of Object.entries(views)) {
      await page.value(`history.pushState(null, '', '/desk/${path}'); dispatchEvent(new PopStateEvent('popstate'))`);
      await shows(page, `[data-page="${path.split(/[/?]/)[0]}"] ${drawn}`);
      await page.value(`for (const each of document.querySelectorAll('main details')) each.open = true`);
      if (path === 'today') {
        await page.value(`(() => { const box = ${selected('input[name=search]')}; box.value = 'заказ'; box.form.requestSubmit(); })()`);
        await shows(page, '.search .panel li');
      }
      for (const language of ['ru', 'en'] as const) {
        await page.value(`document.documentElement.lang !== '${language}' && document.querySelector('header button[lang]').click()`);
        for (const scheme of ['light', 'dark'] as const)
          for (const width of [1280, 320]) {
            await page.look({ width, height: 900, scheme });
            const violations = (await page.value(
              `new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve))).then(() => axe.run({ resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })).then(({ violations }) => violations.map(({ id, nodes }) => id + ' ' + nodes.map(({ html }) => html.slice(0, 200)).join(' | ')))`,
            )) as string[];
            found.push(...violations.map((violation) => `${path} ${language} ${scheme} ${width}: ${violation}`));
            if ((await page.value('document.documentElement.scrollWidth > innerWidth')) === true)
              found.push(`${path} ${language} ${scheme} ${width}: wider than the window`);
          }
      }
    }
    expect(found).toEqual([]);
    expect(page.complaints).toEqual([]);
    await page.close();
  },
  4 * patienceMs,
);
