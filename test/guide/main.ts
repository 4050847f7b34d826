/**
 * Makes the pictures of docs/manager-guide: each page that an admin sees, in Russian and English, of a running system such as that of the
 * demo. `node test/guide/main.ts "$(polyb people invite guide --role admin --pick link)"`
 */
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { findBrowser, openBrowser } from '../kit/browser.ts';
import { until } from '../kit/until.ts';
import { fill, go, patienceMs, shows } from '../kit/visit.ts';
import { palettePng } from './palette-png.ts';

const [link] = process.argv.slice(2);
const program = findBrowser();
if (link === undefined || program === null) throw new Error('Give the link of an invitation, and install Chromium.');
const browser = await openBrowser(program);
try {
  const page = await browser.open(link);
  const password = randomBytes(16).toString('hex');
  await fill(page, { password, again: password });
  await shows(page, 'nav a');
  const paths = (await page.value(
    `[...document.querySelectorAll('nav a')].map((link) => link.getAttribute('href').replace('/desk/', ''))`,
  )) as readonly string[];
  for (const language of ['ru', 'en']) {
    await page.value(`document.documentElement.lang !== '${language}' && document.querySelector('header button[lang]').click()`);
    for (const path of paths) {
      await go(page, path);
      await shows(page, 'main h1');
      await page.look({ width: 1120, height: 700, scheme: 'light' });
      await until(() => page.value(`document.querySelector('main .picture.loading') === null`) as Promise<boolean>, patienceMs);
      if (path === 'chats') {
        await page.press('Enter', 'Enter');
        await shows(page, '.detail');
        await until(() => page.value(`document.querySelector('main .picture.loading') === null`) as Promise<boolean>, patienceMs);
      }
      const file = new URL(`../../docs/manager-guide/${path}.${language}.png`, import.meta.url);
      const picture = palettePng(await page.picture());
      writeFileSync(file, picture);
      console.log(`${path}.${language}.png ${picture.length} B`);
    }
  }
} finally {
  await browser.close();
}
