import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type LookupFunction } from 'node:net';
import { z } from 'zod';
import { memoryCache } from '../../adapters/cache/memory.ts';
import { crmAdapters } from '../../adapters/crm/index.ts';
import type { Deps, Http } from '../../adapters/deps.ts';
import { createHttp } from '../../adapters/http.ts';
import { llmAdapters } from '../../adapters/llm/index.ts';
import { telephonyAdapters } from '../../adapters/telephony/index.ts';
import { telegramSend, telegramSendSettings } from '../../adapters/vendors/telegram/send.ts';
import { whatsappSend, whatsappSendSettings } from '../../adapters/vendors/whatsapp/send.ts';
import { isPolybError } from '../../contracts/kit/errors.ts';
import { uncounted } from '../../contracts/kit/metric.ts';
import { quiet } from '../../runtime/noop-log.ts';
import { secretKeyFrom } from '../../runtime/secret-key.ts';
import { type Random, randomFrom } from './random.ts';
import type { FaultTest } from './test.ts';

/** Ways to write an address of this machine, or of one beside it. Names that end in .test are answered by our own DNS. */
const hosts = [
  ...['127.0.0.1', '127.1', '127.0.1', '2130706433', '0x7f000001', '0x7f.1', '0177.0.0.1', '017700000001', '127.0.0.2', '127.255.255.254'],
  ...[
    '0.0.0.0',
    '0',
    'localhost',
    'LOCALHOST',
    'localhost.',
    'a.localhost',
    '①②⑦.⓪.⓪.①',
    '127。0。0。1',
    'user:pass@127.0.0.1',
    'example.com@127.0.0.1',
  ],
  ...['[::1]', '[::]', '[0:0:0:0:0:0:0:1]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[0:0:0:0:0:ffff:127.0.0.1]', '[::127.0.0.1]'],
  ...['inner4.test', 'inner6.test', 'mapped.test', 'zero.test', 'rebinding.test', 'mixed.test', 'INNER4.TEST.'],
] as const;
const answers: Readonly<Record<string, readonly { address: string; family: 4 | 6 }[]>> = {
  'inner4.test': [{ address: '127.0.0.1', family: 4 }],
  'inner6.test': [{ address: '::1', family: 6 }],
  'mapped.test': [{ address: '::ffff:127.0.0.1', family: 6 }],
  'zero.test': [{ address: '0.0.0.0', family: 4 }],
  'mixed.test': [
    { address: '127.0.0.1', family: 4 },
    { address: '::1', family: 6 },
  ],
};

export const t17: FaultTest = {
  id: 'T17',
  title: 'inner addresses in every spelling, by DNS, by rebinding and by redirect, through each adapter that takes an address',
  async run({ seed, full, control, signal, log }) {
    const random = randomFrom(seed);
    await using canary = await listening();
    await using friend = await redirecting(() => `http://127.0.0.1:${canary.port}/stolen`);
    const lookup = dns();
    const guarded = createHttp({ allowPrivate: [friend.url], lookup });
    const http = control ? unguarded(lookup) : guarded;
    const httpStream = control ? http : guarded.stream;
    const counts = { cases: 0, refusedAddress: 0, refusedSetting: 0, otherwise: 0 };
    const tryOut = async (name: string, work: () => Promise<unknown>): Promise<void> => {
      const before = canary.connections();
      counts.cases += 1;
      try {
        await work();
        counts.otherwise += 1;
      } catch (thrown) {
        if (isPolybError(thrown) && thrown.reason === 'address_forbidden') counts.refusedAddress += 1;
        else if (thrown instanceof z.ZodError) counts.refusedSetting += 1;
        else counts.otherwise += 1;
      }
      if (!control && canary.connections() > before) log(`${name} reached the canary`);
    };
    const rounds = full ? 40 : 2;
    for (let round = 0; round < rounds; round += 1)
      for (const host of hosts)
        for (const protocol of ['http', 'https'])
          for (const [name, adapter] of Object.entries(adapters)) {
            signal.throwIfAborted();
            const written = round === 0 ? host : spelled(random, host);
            const base = `${protocol}://${written}:${canary.port}`;
            await tryOut(`${name} at ${base}`, () => adapter(base, { ...deps, http, httpStream }));
          }
    for (const [name, adapter] of Object.entries(adapters))
      for (const status of [301, 302, 303, 307, 308]) {
        friend.answerWith(status);
        await tryOut(`${name} by a ${status}`, () => adapter(friend.url, { ...deps, http, httpStream }));
      }
    await guarded.close();
    const connections = canary.connections();
    return { ok: connections === 0, harm: connections, adapters: Object.keys(adapters).length, ...counts, canaryConnections: connections };
  },
};

const deps: Omit<Deps, 'http' | 'httpStream'> = {
  db: { query: async () => [], transaction: () => Promise.reject(new Error('no database here')) },
  cache: memoryCache({ now: Date.now }),
  secretKey: secretKeyFrom(undefined),
  connection: 'main',
  now: Date.now,
  log: quiet,
  metrics: uncounted,
};
const within = (): AbortSignal => AbortSignal.timeout(3_000);
const attempt = () => ({ ref: 'ref1', signal: within() }) as never; // an effect reads no more of it than this
/** One request of each. */
const adapters: Readonly<Record<string, (base: string, deps: Deps) => Promise<unknown>>> = {
  http: (base, { http }) => http({ method: 'GET', url: `${base}/`, signal: within(), timeoutMs: 3_000 }),
  http_stream: (base, { httpStream }) => httpStream({ method: 'GET', url: `${base}/`, signal: within(), timeoutMs: 3_000 }),
  async espocrm(base, given) {
    const { settings, create } = crmAdapters.espocrm;
    const crm = create(settings.parse({ ESPOCRM_URL: base, ESPOCRM_API_KEY: 'key', ESPOCRM_ASSIGNED_USER_ID: 'user' }), given);
    return crm.findContacts('+79995553322', within());
  },
  async telephony(base, given) {
    const { settings, create } = telephonyAdapters.http;
    return create(settings.parse({ TELEPHONY_URL: `${base}/call` }), given).dial.attempt(
      { phoneNumber: '+79995553322' } as never,
      attempt(),
    );
  },
  async telegram(base, given) {
    const sending = telegramSend(telegramSendSettings.parse({ TELEGRAM_BOT_TOKENS: '7001:AAAA-test', TELEGRAM_API_ROOT: base }), given);
    const message = { channel: 'telegram', botId: '7001', to: '42', isGroup: false, text: 'text', replyTo: null, threadId: null };
    return sending.deliver.attempt(message as never, attempt());
  },
  async whatsapp(base, given) {
    const sending = whatsappSend(whatsappSendSettings.parse({ WHATSAPP_TOKEN: 'token', WHATSAPP_API_ROOT: base }), given);
    const message = { channel: 'whatsapp', botId: '555', to: '79995553322', text: 'text', template: null, replyTo: null, threadId: null };
    return sending.deliver.attempt(message as never, attempt());
  },
  async llm(base, given) {
    const { settings, create } = llmAdapters.openai;
    const llm = create(settings.parse({ OPENAI_API_KEY: 'sk-key', OPENAI_BASE_URL: base }), given);
    return llm?.ask({ task: 'x', text: 'x', name: 'x', schema: z.object({ x: z.string() }), timeoutMs: 3_000, signal: within() });
  },
};

/** The same place in other letters. */
function spelled(random: Random, host: string): string {
  const mixed = [...host].map((letter) => (random.chance(0.5) ? letter.toUpperCase() : letter.toLowerCase())).join('');
  return random.pick([mixed, `x:y@${mixed.replace(/^.*@/, '')}`, mixed.replace(/[.](?!.*\])/, random.pick(['.', '%2e', '。']))]);
}

/** Rebinding: every other answer is another address. */
function dns(): LookupFunction {
  let asked = 0;
  return (name, options, done) => {
    const bare = name.toLowerCase().replace(/\.$/, '');
    asked += bare === 'rebinding.test' ? 1 : 0;
    const rebound = asked % 2 === 1 ? '192.0.2.1' : '127.0.0.1';
    const found = bare === 'rebinding.test' ? [{ address: rebound, family: 4 as const }] : (answers[bare] ?? answers['inner4.test'] ?? []);
    if (options.all) done(null, [...found]);
    else done(null, found[0]?.address ?? '', found[0]?.family);
  };
}

/** What anybody would write: it connects to whatever it is told and goes where it is sent. */
function unguarded(lookup: LookupFunction): Http {
  return async ({ method, url, body, headers, signal }) => {
    const named = new URL(url);
    const inner = await new Promise<string>((resolve) =>
      named.hostname.endsWith('.test')
        ? lookup(named.hostname, {}, (_error, address) => resolve(String(address)))
        : resolve(named.hostname),
    );
    named.hostname = inner.includes(':') && !inner.startsWith('[') ? `[${inner}]` : inner;
    const answer = await fetch(`${named.protocol}//${named.host}${named.pathname}`, {
      method,
      headers: { ...headers },
      signal,
      ...(body === undefined ? {} : { body: String(body) }),
    });
    return { status: answer.status, headers: {}, bytes: new Uint8Array(), text: () => '', json: () => ({}) };
  };
}

interface Canary extends AsyncDisposable {
  readonly port: number;
  connections(): number;
}
/** Listens at every address of this machine, and hangs up on whoever comes. */
async function listening(): Promise<Canary> {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.on('error', () => {}); // they may be gone already
    socket.destroy();
  }).listen(0, '::');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => connections,
    async [Symbol.asyncDispose]() {
      server.close();
    },
  };
}
async function redirecting(to: () => string) {
  let status = 302;
  const server = createHttpServer((request, response) => {
    request.resume();
    response.writeHead(status, { location: to() }).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    answerWith: (next: number) => {
      status = next;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}
