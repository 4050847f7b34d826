/** `polyb mock`: runs the fake of a provider, as the tests use it, until Ctrl-C. */
import { randomBytes, randomInt } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { lookup, openSources } from '../../../config/env.ts';
import type { Invocation } from '../kernel/command.ts';
import { wrongUsage } from '../kernel/failure.ts';
import { nearest } from '../kernel/nearest.ts';

interface StandIn {
  readonly url: string;
  /** What to put into .env. */
  readonly settings: Readonly<Record<string, string>>;
  /** How to make it do something by itself. */
  readonly hints?: readonly string[];
  close(): Promise<void>;
}
interface MockOptions {
  readonly gatewayPort: string;
  readonly tls: boolean;
  /** Shows a line of what happens at the fake. */
  readonly note: (line: string) => void;
  /** Settings of the fake itself: its port and the file of its effects. */
  readonly fake: { readonly port?: number | undefined; readonly effects?: string | undefined };
}
const token = (): string => randomBytes(12).toString('hex');

/** Hours of an employee and one service, for a CRM that has none. */
const schedule = JSON.stringify({
  timeZone: 'Europe/Moscow',
  services: [{ serviceId: 'haircut', name: 'Стрижка', durationMinutes: 60 }],
  hours: [1, 2, 3, 4, 5].map((weekday) => ({ weekday, from: '10:00', to: '18:00' })),
});

const vendors: Readonly<Record<string, (options: MockOptions) => Promise<StandIn>>> = {
  espocrm: async ({ fake }) => {
    const { espoFake, espoUsers } = await import('../../../adapters/vendors/espocrm/fake.ts');
    const { url, close, records } = await espoFake(fake);
    records.put('User', { userName: 'anna', name: 'Анна', title: 'Мастер', type: 'regular', isActive: true });
    return {
      url,
      close,
      hints: [`for appointments: BOOKING_KIND=espocrm ESPOCRM_SCHEDULE='${schedule}'`],
      settings: {
        CRM_KIND: 'espocrm',
        ESPOCRM_URL: url,
        ESPOCRM_API_KEY: espoUsers.apiKey,
        ESPOCRM_REFERENCE_FIELD: 'cPolybRef',
        ESPOCRM_ASSIGNED_USER_ID: espoUsers.userId,
      },
    };
  },
  amocrm: async ({ fake }) => {
    const { amoFake, amoIntegration, amoPipelines } = await import('../../../adapters/vendors/amocrm/fake.ts');
    const { url, close } = await amoFake(fake);
    const [statusNew, statusInProcess] = amoPipelines.main.statuses;
    return {
      url,
      close,
      settings: {
        CRM_KIND: 'amocrm',
        AMOCRM_SUBDOMAIN: 'fake',
        AMOCRM_URL: url,
        AMOCRM_OAUTH_URL: `${url}/oauth`,
        AMOCRM_TOKEN: amoIntegration.token,
        AMOCRM_PIPELINE_ID: String(amoPipelines.main.id),
        AMOCRM_STATUS_NEW_ID: String(statusNew),
        AMOCRM_STATUS_IN_PROCESS_ID: String(statusInProcess),
        AMOCRM_DEAL_PIPELINE_ID: String(amoPipelines.deals.id),
      },
      hints: [
        `for appointments: BOOKING_KIND=amocrm AMOCRM_SCHEDULE='${schedule}'`,
        `for OAuth, instead of AMOCRM_TOKEN: AMOCRM_CLIENT_ID=${amoIntegration.clientId} AMOCRM_CLIENT_SECRET=${amoIntegration.clientSecret} AMOCRM_REDIRECT_URI=${amoIntegration.redirectUri}`,
        `curl -X POST ${url}/revoke    an administrator revokes the consent`,
      ],
    };
  },
  onec: async ({ fake }) => {
    const { onecFake, onecUser } = await import('../../../adapters/vendors/onec/fake.ts');
    const { url, close } = await onecFake(fake);
    return {
      url,
      close,
      settings: { CRM_KIND: 'onec', ONEC_URL: url, ONEC_USER: onecUser.user, ONEC_PASSWORD: onecUser.password },
      hints: ['for appointments: BOOKING_KIND=onec, ONEC_MAPPING_FILE and ONEC_SCHEDULE_FILE, see docs/how-to/connect-1c.md'],
    };
  },
  yclients: async ({ fake }) => {
    const { salonFake, salonUser } = await import('../../../adapters/vendors/yclients/fake.ts');
    const { url, close } = await salonFake(fake);
    return {
      url,
      close,
      settings: {
        CRM_KIND: 'yclients',
        BOOKING_KIND: 'yclients',
        YCLIENTS_URL: `${url}/api/v1`,
        YCLIENTS_PARTNER_TOKEN: salonUser.partnerToken,
        YCLIENTS_USER_TOKEN: salonUser.userToken,
        YCLIENTS_COMPANY_ID: salonUser.companyId,
        YCLIENTS_FALLBACK_EMAIL: 'visits@example.com',
      },
    };
  },
  altegio: async ({ fake }) => {
    const [{ altegioFake }, { salonUser }] = await Promise.all([
      import('../../../adapters/vendors/altegio/fake.ts'),
      import('../../../adapters/vendors/yclients/fake.ts'),
    ]);
    const { url, close } = await altegioFake(fake);
    return {
      url,
      close,
      settings: {
        CRM_KIND: 'altegio',
        BOOKING_KIND: 'altegio',
        ALTEGIO_URL: `${url}/api/v1`,
        ALTEGIO_PARTNER_TOKEN: salonUser.partnerToken,
        ALTEGIO_USER_TOKEN: salonUser.userToken,
        ALTEGIO_LOCATION_ID: salonUser.companyId,
        ALTEGIO_CURRENCY: 'USD',
      },
    };
  },
  bitrix24: async ({ fake, tls }) => {
    const { bitrixAccess, bitrixCertificate, bitrixFake, localhostTls } = await import('../../../adapters/vendors/bitrix24/fake.ts');
    const { url, webhookUrl, close } = await bitrixFake({ ...fake, ...(tls && { tls: localhostTls() }) });
    return {
      url,
      close,
      settings: {
        CRM_KIND: 'bitrix24',
        BOOKING_KIND: 'bitrix24',
        BITRIX24_WEBHOOK_URL: webhookUrl,
        BITRIX24_SERVICES_IBLOCK_ID: '23',
      },
      hints: [
        `BITRIX24_PORTAL_URL=${url} BITRIX24_OAUTH_URL=${url} BITRIX24_CLIENT_ID=${bitrixAccess.clientId} BITRIX24_CLIENT_SECRET=${bitrixAccess.clientSecret} BITRIX24_REDIRECT_URI=${bitrixAccess.redirectUri}    its application instead of BITRIX24_WEBHOOK_URL; then: polyb crm connect bitrix24`,
        ...(tls
          ? [`NODE_EXTRA_CA_CERTS=${fileURLToPath(bitrixCertificate)}    in the environment of polyb up, to trust the certificate`]
          : []),
      ],
    };
  },
  easyweek: async ({ fake }) => {
    const { easyWeekFake, easyWeekUser } = await import('../../../adapters/vendors/easyweek/fake.ts');
    const { url, close } = await easyWeekFake(fake);
    return {
      url,
      close,
      settings: {
        BOOKING_KIND: 'easyweek',
        EASYWEEK_URL: `${url}/api/public/v2`,
        EASYWEEK_API_KEY: easyWeekUser.apiKey,
        EASYWEEK_WORKSPACE: easyWeekUser.workspace,
        EASYWEEK_LOCATION_ID: easyWeekUser.locationId,
        EASYWEEK_CURRENCY: 'EUR',
      },
    };
  },
  telegram: async () => {
    const { telegramFake } = await import('../../../adapters/vendors/telegram/fake.ts');
    // Its own id: a system that outlives the fake knows the messages of an earlier bot.
    const bot = `${randomInt(100_000, 1_000_000)}:${token()}${token()}`.slice(0, 42);
    const { url, close } = await telegramFake({ tokens: [bot] });
    return {
      url,
      close,
      settings: { TELEGRAM_BOT_TOKENS: bot, TELEGRAM_API_ROOT: url },
      hints: [
        `curl ${url}/say -d '{"from":501,"text":"Хочу на стрижку"}'    a customer writes ("times":2: the same update arrives twice)`,
        `curl ${url}/screen -d '{"from":501}'    what they see: messages of the bot with their buttons`,
        `curl ${url}/press -d '{"from":501,"button":"Ещё"}'    they press a button ("times":2: twice at once)`,
        `curl ${url}/contact -d '{"from":501,"phone":"PHONE"}'    they share their contact where it is requested ("owner":502: that of another user; "isForwarded":true)`,
        `curl ${url}/business -d '{"from":503,"text":"Хочу на стрижку"}'    a customer writes to a business account of the bot ("isOwner":true: its owner replies)`,
        `curl "${url}/voice?from=501" --data-binary @message.ogg    a customer sends a voice message (polyb say TEXT -o message.ogg)`,
      ],
    };
  },
  whatsapp: async ({ gatewayPort }) => {
    const { whatsappFake } = await import('../../../adapters/vendors/whatsapp/fake.ts');
    const [access, appSecret, verifyToken] = [token(), token(), token()];
    const { url, close } = await whatsappFake({ token: access, appSecret, verifyToken });
    return {
      url,
      close,
      settings: { WHATSAPP_API_ROOT: url, WHATSAPP_TOKEN: access, WHATSAPP_APP_SECRET: appSecret, WHATSAPP_VERIFY_TOKEN: verifyToken },
      hints: [
        `curl ${url}/say -d '{"webhook":"http://127.0.0.1:${gatewayPort}/api/v1/channels/whatsapp/webhook","from":"PHONE","text":"Хочу на стрижку"}'    a customer writes ("times":2: the same delivery arrives twice)`,
        `curl ${url}/screen -d '{"from":"PHONE"}'    what they see: messages with the titles of their options`,
        `curl ${url}/choose -d '{"from":"PHONE","title":"Ещё"}'    they choose an option of a list, or press a button`,
      ],
    };
  },
  telephony: async () => {
    const { startFakeGateway } = await import('../../../adapters/telephony/http.fake.ts');
    const { url, close } = await startFakeGateway();
    return {
      url,
      close,
      settings: { TELEPHONY_KIND: 'http', TELEPHONY_URL: url },
      hints: [`curl ${new URL('/faults', url).href} -d '["busy"]'    the next call is busy`],
    };
  },
  deepgram: async ({ fake }) => {
    const { deepgramFake, deepgramKey } = await import('../../../adapters/vendors/deepgram/fake.ts');
    const { url, close } = await deepgramFake({ port: fake.port });
    return {
      url,
      close,
      settings: { ASR_KIND: 'deepgram,phrases', DEEPGRAM_API_KEY: deepgramKey, DEEPGRAM_BASE_URL: url },
      hints: [
        speechHint,
        `curl -X POST ${url}/stall    it goes silent, as a provider that fails in mid-talk (/recover: it works again; /cut: it drops its connections)`,
        'DEEPGRAM_ASR_MODEL=flux-general-multi    to hear over the protocol of Flux',
      ],
    };
  },
  yandex: async ({ fake }) => {
    const { yandexFake, yandexKey } = await import('../../../adapters/vendors/yandex/fake.ts');
    const { url, close } = await yandexFake({ port: fake.port });
    return { url, close, settings: yandexSettings('yandex', yandexKey, url), hints: [speechHint] };
  },
  'yandex-v1': async ({ fake }) => {
    const { yandexV1Fake, yandexV1Key } = await import('../../../adapters/vendors/yandex/fake-rest.ts');
    const { url, close } = await yandexV1Fake({ port: fake.port });
    return { url, close, settings: yandexSettings('yandex-v1', yandexV1Key, url), hints: [speechHint] };
  },
  'openai-realtime': async ({ fake, gatewayPort, note }) =>
    (await import('./mock-speech-models.ts')).fakeOpenAiModel({ port: fake.port, gatewayPort, note }),
  'yandex-realtime': async ({ fake, gatewayPort, note }) =>
    (await import('./mock-speech-models.ts')).fakeYandexModel({ port: fake.port, gatewayPort, note }),
};
/** The fakes of speech have one language of tones. */
const speechHint =
  'it hears what the fakes of speech speak, letters as tones, and no person: polyb say "…" -o speech.wav, polyb hear speech.wav';
const yandexSettings = (kind: string, key: string, url: string) => ({
  ...{ ASR_KIND: kind, TTS_KIND: kind, YANDEX_SPEECHKIT_API_KEY: key },
  ...{ YANDEX_SPEECHKIT_ASR_URL: url, YANDEX_SPEECHKIT_TTS_URL: url },
});
const speech = ['deepgram', 'yandex', 'yandex-v1', 'openai-realtime', 'yandex-realtime'];
const messengers = ['telegram', 'whatsapp', 'telephony'];
export const mockVendors = Object.keys(vendors);

export async function mock({ args, flags, out, signal, env }: Invocation): Promise<number> {
  const [vendor = ''] = args;
  const start = Object.hasOwn(vendors, vendor) ? vendors[vendor] : undefined;
  if (start === undefined)
    throw wrongUsage(`expected a provider: ${mockVendors.join(', ')}; got ${vendor === '' ? 'nothing' : `"${vendor}"`}`, {
      subject: 'mock',
      close: nearest(vendor, mockVendors),
    });
  if (flags.on('tls') && vendor !== 'bitrix24') throw wrongUsage('--tls is for bitrix24', { subject: 'mock' });
  const fake = { port: flags.whole('port'), effects: flags.text('effects') };
  if (fake.port !== undefined && messengers.includes(vendor))
    throw wrongUsage(`--port is for CRMs, booking systems and speech, not for ${vendor}`, { subject: 'mock' });
  if (fake.effects !== undefined && [...messengers, ...speech].includes(vendor))
    throw wrongUsage(`--effects is for CRMs and booking systems, not for ${vendor}`, { subject: 'mock' });
  const find = openSources({ env });
  const standIn = await start({
    gatewayPort: lookup('GATEWAY_PORT', find) ?? '8300',
    tls: flags.on('tls'),
    fake,
    note: (line) => out.note(line),
  });
  try {
    // Vendors are reached over the guarded HTTP client, which reaches no private address that is not listed.
    const allowed = (lookup('HTTP_ALLOW_PRIVATE', find) ?? '').split(',').filter(Boolean);
    const settings = { ...standIn.settings, HTTP_ALLOW_PRIVATE: [...new Set([...allowed, new URL(standIn.url).origin])].join(',') };
    const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
    await out.result({ vendor, url: standIn.url, settings }, { text: () => lines.join('\n') });
    out.note(
      [
        `the fake of ${vendor} listens at ${standIn.url}; add these lines to .env, then: polyb restart (Ctrl-C ends the fake)`,
        ...(standIn.hints ?? []).map((hint) => `  ${hint}`),
      ].join('\n'),
      'ok',
    );
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  } finally {
    await standIn.close();
  }
  return 0;
}
