/** People of the staff at the pages of a gateway, each in a browser of their own. */
import { createHash, randomBytes } from 'node:crypto';
import type { Bus } from '../../bus/bus.ts';
import type { PersonRole } from '../../contracts/kit/define.ts';
import { people } from '../../contracts/people.ts';
import type { Browser, Page } from './browser.ts';

/** A browser on a busy machine takes its time. */
export const patienceMs = 120_000;
export const password = 'корова прыгает высоко';

/** A gateway, and a client of its bus. */
interface Site {
  readonly origin: string;
  readonly world: { readonly bus: Pick<Bus, 'call'> };
}
export function visitors(it: Site, browser: Browser) {
  /** Opens an invitation, chooses a password and is logged in. */
  async function accept(login: string, token: string): Promise<Page> {
    const page = await browser.open(`${it.origin}/desk/invite#${token}`, { profile: login });
    await page.look({ width: 1280, height: 800, scheme: 'light' });
    await fill(page, { password, again: password });
    await shows(page, 'nav');
    return page;
  }
  return {
    accept,
    /** Invites a new person, who accepts. */
    async arrive(login: string, role: PersonRole): Promise<Page> {
      const token = randomBytes(32).toString('base64url');
      const tokenHash = createHash('sha256').update(token).digest('hex');
      await it.world.bus.call(people.invite, { personId: login, name: `Имя ${login}`, role, tokenHash });
      return accept(login, token);
    },
  };
}
const one = (selector: string) => `document.querySelector(${JSON.stringify(selector)})`;
export const shows = (page: Page, selector: string) => page.holds(`${one(selector)} !== null`, patienceMs);
/** @param words with ordinary spaces */
export const says = (page: Page, words: string, selector = 'body') =>
  page.holds(`(${one(selector)}?.innerText ?? '').replace(/[\\u00a0\\u202f]/g, ' ').includes(${JSON.stringify(words)})`, patienceMs);
/** Types into fields by their names, and sends the form. */
export async function fill(page: Page, fields: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(fields)) {
    await shows(page, `main [name=${name}]`);
    await page.value(`document.querySelector('main [name=${name}]').focus()`);
    await page.type(text);
  }
  await page.press('Enter', 'Enter');
}
/** Presses a button once it may be pressed; `label` is its text without the name of a key. */
export async function click(page: Page, label: string, within = 'main'): Promise<void> {
  const button = `[...document.querySelectorAll('${within} button, ${within} summary')].find((each) => [...each.childNodes].filter((node) => node.nodeName !== 'KBD').map((node) => node.textContent).join('').trim() === ${JSON.stringify(label)})`;
  await page.holds(`${button}?.disabled === false || ${button}?.nodeName === 'SUMMARY'`, patienceMs);
  await page.value(`${button}.click()`);
}
/** Goes to a page as a link of the desk does. */
export const go = (page: Page, path: string) =>
  page.value(`history.pushState(null, '', '/desk/${path}'); dispatchEvent(new PopStateEvent('popstate'))`);
