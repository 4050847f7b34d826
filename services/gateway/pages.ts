/** The pages of web/: each file under a name with the hash of its content, types removed, compressed once. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { posix } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

interface Asset {
  readonly type: string;
  readonly body: Buffer;
  /** `/assets/kit/list.0a1b….js` */
  readonly url: string;
  /** Modules that it imports statically: `kit/list.ts`, `preact`. */
  readonly imports: readonly string[];
}
/** By the path below web/, or by the name of a package. */
type Assets = ReadonlyMap<string, Asset>;

const root = new URL('../../', import.meta.url);
/** Packages as they come from npm, by the name that modules import. */
const packages = {
  preact: 'preact/dist/preact.mjs',
  'preact/hooks': 'preact/hooks/dist/hooks.mjs',
  htm: 'htm/dist/htm.mjs',
  '@preact/signals': '@preact/signals/dist/signals.mjs',
  '@preact/signals-core': '@preact/signals-core/dist/signals-core.mjs',
} as const;
const script = 'text/javascript; charset=utf-8';
const yearS = 31_536_000;

/** What the document says of the deployment. */
export interface Deployment {
  /** Shown on every page. */
  readonly environment?: Environment;
  /** The identity provider through which people log in. */
  readonly provider?: { readonly name: string; readonly hasPasswords: boolean };
}
export interface Environment {
  readonly name: string;
  readonly kind: 'test' | 'stage' | 'production';
}
/** Adds `/desk/…` and its files. They are read at the first visit, and again by no one: a new version is a new process. */
export function addPages(app: FastifyInstance, deployment: Deployment = {}): void {
  let desk: Desk | undefined;
  const read = (): Desk => (desk ??= readDesk(deployment));

  for (const url of ['/', '/desk']) app.get(url, (_, reply) => reply.redirect('/desk/'));
  for (const url of ['/desk/', '/desk/*'])
    app.get(url, async (request, reply) => {
      const { pageOf, policy } = read();
      const [, , name = ''] = (request.url.split('?')[0] ?? '').split('/');
      reply.headers({
        'content-security-policy': policy,
        'referrer-policy': 'same-origin',
        'cross-origin-opener-policy': 'same-origin',
        'permissions-policy': 'microphone=(self), camera=(), geolocation=()',
      });
      return send(pageOf(name), request, reply);
    });
  app.get('/assets/*', async (request, reply) => {
    const asset = read().byUrl.get(request.url.split('?')[0] ?? '');
    if (asset === undefined) return reply.callNotFound();
    reply.header('cache-control', `public, max-age=${yearS}, immutable`);
    return send(asset, request, reply);
  });
}

interface Body {
  readonly type: string;
  readonly body: Buffer;
}
interface Desk {
  readonly byUrl: ReadonlyMap<string, Asset>;
  /** The page at `/desk/<name>`. */
  readonly pageOf: (name: string) => Body;
  readonly policy: string;
}

/** Also says what a page loads, for a test of its size. */
export function readDesk(
  deployment: Deployment = {},
): Desk & { readonly loadedBy: (name: string, ...parts: readonly string[]) => readonly Asset[] } {
  const assets = readAssets();
  const map = JSON.stringify({ imports: Object.fromEntries([...assets].flatMap(([name, asset]) => mapping(name, asset))) });
  const hash = createHash('sha256').update(map).digest('base64');
  /** Also with parts that the page loads when it shows them. */
  const loadedBy = (name: string, ...parts: readonly string[]): readonly Asset[] =>
    closure(assets, ['index.ts', `pages/${name}.ts`, ...parts]);
  const pages = new Map<string, Body>();
  return {
    byUrl: new Map([...assets.values()].map((asset) => [asset.url, asset])),
    pageOf(name) {
      const known = assets.has(`pages/${name}.ts`) ? name : '';
      const page = pages.get(known) ?? {
        type: 'text/html; charset=utf-8',
        body: Buffer.from(documentOf(assets, map, loadedBy(known), deployment)),
      };
      pages.set(known, page);
      return page;
    },
    policy: policyOf(hash),
    loadedBy,
  };
}

/** Scripts are those of this server and the import map with this hash; no text becomes markup. */
function policyOf(importMapHash: string): string {
  return [
    "default-src 'none'",
    `script-src 'self' 'sha256-${importMapHash}'`,
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self' data:",
    "media-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ');
}

function documentOf(assets: Assets, importMap: string, loaded: readonly Asset[], deployment: Deployment): string {
  const url = (name: string): string => assets.get(name)?.url ?? '';
  return `<!doctype html>
<html lang="ru">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">${factsOf(deployment)}
<title>PolyB</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${url('style.css')}">
<script type="importmap">${importMap}</script>
${loaded.map((asset) => `<link rel="modulepreload" href="${asset.url}">`).join('\n')}
<script type="module" src="${url('index.ts')}"></script>
</head>
<body>
<div id="desk"></div>
<noscript>Для этих страниц нужен JavaScript. These pages need JavaScript.</noscript>
</body>
</html>
`;
}

/** For pages that read them before any request. */
function factsOf({ environment, provider }: Deployment): string {
  const facts = [
    ...(environment === undefined ? [] : [`name="environment" data-kind="${environment.kind}" content="${escaped(environment.name)}"`]),
    ...(provider === undefined
      ? []
      : [`name="identity-provider" data-passwords="${provider.hasPasswords}" content="${escaped(provider.name)}"`]),
  ];
  return facts.map((fact) => `\n<meta ${fact}>`).join('');
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escaped = (text: string): string => text.replace(/[&<>"]/g, (character) => entities[character] ?? '');

function readAssets(): Assets {
  const web = new URL('web/', root);
  const files = readdirSync(web, { recursive: true, encoding: 'utf8' }).map((file) => file.replaceAll('\\', '/'));
  const own = files.filter((file) => /\.(ts|css)$/.test(file) && !file.endsWith('.test.ts'));
  return new Map([
    ...own.map((file) => [file, ownAsset(file, readFileSync(new URL(file, web), 'utf8'))] as const),
    ...Object.entries(packages).map(([name, file]) => [name, packageAsset(name, file)] as const),
  ]);
}

function ownAsset(file: string, text: string): Asset {
  if (file.endsWith('.css')) return asset(file, 'css', 'text/css; charset=utf-8', text);
  const code = withoutComments(stripTypeScriptTypes(text));
  return asset(file, 'js', script, code, (target) => (target.startsWith('.') ? posix.join(posix.dirname(file), target) : target));
}
/** Comments that have lines of their own are a tenth of what is sent; the other lines keep their numbers. */
function withoutComments(code: string): string {
  return code.replace(/^[ \t]*(?:\/\*\*[\s\S]*?\*\/|\/\/.*)[ \t]*$/gm, (comment) => comment.replace(/[^\n]/g, ''));
}
function packageAsset(name: string, file: string): Asset {
  return asset(`packages/${name}`, 'js', script, readFileSync(new URL(`node_modules/${file}`, root), 'utf8'));
}
function asset(name: string, extension: string, type: string, text: string, resolve = (target: string): string => target): Asset {
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 16);
  const imports = [...text.matchAll(/^\s*(?:import|export)\b[^;'"`]*?\bfrom\s*['"]([^'"]+)['"]/gm), ...text.matchAll(/\bfrom"([^"]+)"/g)];
  return {
    type,
    body: Buffer.from(text),
    url: `/assets/${name.replace(/\.\w+$/, '')}.${hash}.${extension}`,
    imports: extension === 'js' ? imports.map(([, target = '']) => resolve(target)) : [],
  };
}

/** An import map also maps addresses: a relative import of `./kit/list.ts` leads to the name with the hash. */
function mapping(name: string, { url, type }: Asset): readonly (readonly [string, string])[] {
  if (type !== script) return [];
  return [[name.endsWith('.ts') ? `/assets/${name}` : name, url]];
}

/** The modules of these names, and all that they import statically. */
function closure(assets: Assets, names: readonly string[]): readonly Asset[] {
  const found = new Map<string, Asset>();
  const open = [...names];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const next = assets.get(name);
    if (next === undefined || found.has(name)) continue;
    found.set(name, next);
    open.push(...next.imports);
  }
  return [...found.values()];
}

const compressBrotli = promisify(brotliCompress);
const compressGzip = promisify(gzip);
/** Of each body, compressed at its first request. */
const compressed = new WeakMap<Body, Map<string, Promise<Buffer>>>();

async function send(body: Body, { headers }: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const accepted = String(headers['accept-encoding'] ?? '');
  const encoding = ['br', 'gzip'].find((each) => new RegExp(`\\b${each}\\b(?!\\s*;\\s*q=0(\\.0*)?\\b)`).test(accepted));
  reply.header('content-type', body.type).header('vary', 'accept-encoding');
  return encoding === undefined ? reply.send(body.body) : reply.header('content-encoding', encoding).send(await encoded(body, encoding));
}
function encoded(body: Body, encoding: string): Promise<Buffer> {
  const known = compressed.get(body) ?? new Map<string, Promise<Buffer>>();
  compressed.set(body, known);
  const bytes = known.get(encoding) ?? compress(body.body, encoding);
  known.set(encoding, bytes);
  return bytes;
}
function compress(bytes: Buffer, encoding: string): Promise<Buffer> {
  if (encoding === 'gzip') return compressGzip(bytes, { level: 9 });
  return compressBrotli(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } });
}
