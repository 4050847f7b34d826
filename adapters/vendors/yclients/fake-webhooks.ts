/** The webhooks of the fake location. Source: developers.yclients.com, Webhooks; Altegio, settings of webhooks. */
import { type Body, companyId, refuse } from './fake-location.ts';

type Status = 'create' | 'update' | 'delete';
export interface SalonWebhooks {
  /** Replaces the settings of the whole location. */
  set(settings: Body): object;
  get(): object;
  /** Delivers a change if the settings say so; everything here is done by one application, which needs `self_sending`. */
  changed(status: Status, resource: string, id: number, data: Body): void;
  /** The statuses of the replies, when everything so far has been delivered. */
  delivered(): Promise<readonly number[]>;
}
const timeoutMs = 10_000;
const mostUrls = 10;

export function salonWebhooks(): SalonWebhooks {
  let settings: Body = { urls: [], active: 0 };
  const deliveries: Promise<number>[] = [];
  const urls = () => settings.urls as readonly string[];
  const get = () => {
    const { good: _, self_sending: __, ...shown } = settings;
    return shown;
  };
  async function send(url: string, body: string): Promise<number> {
    const { status } = await fetch(url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body,
      signal: AbortSignal.timeout(timeoutMs),
    });
    return status;
  }
  return {
    get,
    set(given) {
      if (!Array.isArray(given.urls) || given.urls.length > mostUrls || !given.urls.every((url) => URL.canParse(String(url))))
        throw refuse(422, 'urls', { errors: { urls: ['invalid'] } });
      settings = given;
      return get();
    },
    changed(status, resource, id, data) {
      if (settings.active !== 1 || settings.self_sending !== 1 || settings[resource] !== 1) return;
      const body = JSON.stringify({ company_id: companyId, resource, resource_id: id, status, data });
      // A delivery that cannot connect counts as status 0.
      for (const url of urls()) deliveries.push(send(url, body).catch(() => 0));
    },
    delivered: () => Promise.all(deliveries),
  };
}
