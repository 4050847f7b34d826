import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Browser, findBrowser, openBrowser } from '../../test/kit/browser.ts';
import { type GatewayWorld, gatewayWorld, http } from '../../test/kit/gateway.ts';
import { until } from '../../test/kit/world.ts';

const program = findBrowser();
/** Debian's package `chromium`, or any Chrome on the PATH; 80 MB that nothing else here needs. */
const inBrowser = program === null ? test.skip : test;
let it: GatewayWorld;
let browser: Browser;
beforeAll(async () => {
  if (program === null) return;
  [it, browser] = await Promise.all([gatewayWorld([]), openBrowser(program)]);
});
afterAll(async () => {
  await browser?.close();
  await it?.stop();
});

inBrowser(
  'in a browser /docs draws every operation, shows what one takes and gives, and complains of nothing (skipped where there is no Chromium)',
  async () => {
    const { paths } = (await http(it.origin)('GET', '/openapi.json')).body as { paths: Record<string, Record<string, object>> };
    const operations = Object.entries(paths).flatMap(([path, verbs]) => Object.keys(verbs).map((verb) => `${verb.toUpperCase()} ${path}`));
    const page = await browser.open(`${it.origin}/docs`);
    // Operations are drawn as they come into view.
    await page.look({ width: 1280, height: 20_000, scheme: 'light' });
    const drawn = `[...document.querySelectorAll('.opblock')].map((one) =>
      one.querySelector('.opblock-summary-method').textContent + ' ' + one.querySelector('.opblock-summary-path').dataset.path)`;
    await until(async () => (((await page.value(`${drawn}.length`)) as number) >= operations.length ? true : null));
    expect(((await page.value(drawn)) as string[]).sort()).toEqual(operations.sort());
    // Opening all of them would take minutes.
    const one = `document.querySelector('[data-path="/api/v1/send"]').closest('.opblock')`;
    await page.value(`${one}.querySelector('.opblock-summary-control').click()`);
    await until(async () => ((await page.value(`${one}.querySelector('.responses-wrapper') !== null`)) ? true : null));
    expect(page.complaints).toEqual([]);
  },
  300_000,
);

inBrowser.each(['/openapi.json', '/asyncapi.json', '/api/v1/openapi.json'])(
  'in a browser %s is shown, and nothing complains (skipped where there is no Chromium)',
  async (path) => {
    const page = await browser.open(`${it.origin}${path}`);
    const shown = await until(
      async () => ((await page.value('document.body?.innerText ?? ""')) as string).slice(0, 200_000) || null,
      30_000,
    );
    expect(shown).toMatch(/"(openapi|asyncapi)":\s*"3/);
    expect(page.complaints).toEqual([]);
  },
);
