import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, expect, test } from '@jest/globals';
import fastify from 'fastify';
import { aliases } from '../../contracts/aliases.ts';
import { openApiOf } from './documents.ts';
import { addPages, readDesk } from './pages.ts';
import { readContracts } from './read-contracts.ts';
import { callableBy, routesOf } from './routes.ts';

const app = fastify();
addPages(app);
afterAll(() => app.close());
const get = (url: string, headers: Record<string, string> = {}) => app.inject({ method: 'GET', url, headers });
const pageNames = readdirSync(new URL('../../web/pages/', import.meta.url)).map((file) => file.replace(/\.ts$/, ''));
const mostGzippedBytes = 60_000;

test('the page carries the policy, in which the hash is that of its import map', async () => {
  const { headers, body } = await get('/desk/anything?at=all');
  const [, map = ''] = /<script type="importmap">(.*?)<\/script>/.exec(body) ?? [];
  const hash = createHash('sha256').update(map).digest('base64');
  expect(headers['content-security-policy']).toBe(
    `default-src 'none'; script-src 'self' 'sha256-${hash}'; style-src 'self'; connect-src 'self'; img-src 'self' data:; media-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'`,
  );
  expect(headers['referrer-policy']).toBe('same-origin');
  expect(headers['permissions-policy']).toBe('microphone=(self), camera=(), geolocation=()');
  expect(body).toContain('<noscript>');
  expect(body).not.toMatch(/https?:\/\//);
});

test('the page names its deployment and its identity provider as text, and none where none is named', async () => {
  const named = fastify();
  const name = 'Стенд <b>"1" & 2</b>';
  addPages(named, { environment: { name, kind: 'test' }, provider: { name, hasPasswords: true } });
  const { body } = await named.inject('/desk/');
  const shown = 'Стенд &lt;b&gt;&quot;1&quot; &amp; 2&lt;/b&gt;';
  expect(body).toContain(`<meta name="environment" data-kind="test" content="${shown}">`);
  expect(body).toContain(`<meta name="identity-provider" data-passwords="true" content="${shown}">`);
  await named.close();
  expect((await get('/desk/')).body).not.toMatch(/name="(environment|identity-provider)"/);
});

test.each(['/', '/desk'])('%s leads to the desk', async (path) => {
  expect(await get(path)).toMatchObject({ statusCode: 302, headers: { location: '/desk/' } });
});

test('every file is a script or a style without types, named by its content and cached for ever', async () => {
  for (const url of readDesk().byUrl.keys()) {
    const { statusCode, headers, body } = await get(url);
    expect({ url, statusCode }).toEqual({ url, statusCode: 200 });
    expect(headers['cache-control']).toBe('public, max-age=31536000, immutable');
    expect(headers['content-type']).toBe(url.endsWith('.css') ? 'text/css; charset=utf-8' : 'text/javascript; charset=utf-8');
    expect(url).toContain(createHash('sha256').update(body).digest('hex').slice(0, 16));
    expect(body).not.toMatch(/^import type|^export (type|interface)/m);
  }
});

test('a file goes compressed to whoever accepts it, and plain to others', async () => {
  const [, url = ''] = /<script type="module" src="([^"]+)"/.exec((await get('/desk/')).body) ?? [];
  const plain = await get(url);
  const gzipped = await get(url, { 'accept-encoding': 'gzip;q=1.0, br;q=0' });
  expect(plain.headers['content-encoding']).toBeUndefined();
  expect(gzipped.headers['content-encoding']).toBe('gzip');
  expect(gunzipSync(gzipped.rawPayload).toString()).toBe(plain.body);
  expect((await get(url, { 'accept-encoding': 'gzip, deflate, br' })).headers).toMatchObject({
    'content-encoding': 'br',
    vary: 'accept-encoding',
  });
});

test('a file of another version is not found, and neither is one outside of web/', async () => {
  for (const url of ['/assets/index.0000000000000000.js', '/assets/../package.json', '/assets/%2e%2e/package.json', '/assets/index.ts'])
    expect((await get(url)).statusCode).toBe(404);
});

/** A page with each of the parts that it loads when it shows them. */
const views = pageNames.flatMap((name): readonly (readonly string[])[] => {
  const source = readFileSync(new URL(`../../web/pages/${name}.ts`, import.meta.url), 'utf8');
  const parts = new Set([...source.matchAll(/=> import\('\.\.\/(parts\/[^']+)'\)/g)].map(([, part = '']) => part));
  return parts.size === 0 ? [[name]] : [...parts].map((part) => [name, part]);
});
test.each(views.map((view) => ({ view })))('the page $view loads at most 60 kB of script, gzipped', ({ view: [name = '', ...parts] }) => {
  const scripts = readDesk()
    .loadedBy(name, ...parts)
    .filter(({ url }) => url.endsWith('.js'));
  const bytes = scripts.reduce((sum, { body }) => sum + gzipSync(body, { level: 9 }).length, 0);
  process.stdout.write(`${[name, ...parts].join(' ')}: ${(bytes / 1000).toFixed(1)} kB in ${scripts.length} files\n`);
  expect(scripts.length).toBeGreaterThan(10);
  expect(bytes).toBeLessThanOrEqual(mostGzippedBytes);
});

test('every module that a page loads is announced in its document, so that none waits for another', async () => {
  const { body } = await get('/desk/settings');
  for (const { url } of readDesk().loadedBy('settings')) expect(body).toContain(`<link rel="modulepreload" href="${url}">`);
});
test('a request of a page names a documented route', async () => {
  const routes = routesOf(callableBy('gateway', await readContracts()), aliases);
  const { paths } = openApiOf({ routes, version: '1' }) as { paths: Readonly<Record<string, object>> };
  const documented = new Set(
    Object.entries(paths).flatMap(([path, verbs]) => Object.keys(verbs).map((verb) => `${verb.toUpperCase()} ${path}`)),
  );
  const web = new URL('../../web/', import.meta.url);
  const asked = readdirSync(web, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .flatMap((file) => [...readFileSync(new URL(file, web), 'utf8').matchAll(/'((?:GET|POST|PUT|PATCH|DELETE) \/api\/[^']+)'/g)])
    .map(([, route = '']) => route);
  expect(asked.length).toBeGreaterThan(20);
  expect([...new Set(asked)].filter((route) => !documented.has(route))).toEqual([]);
});
