/**
 * Hosts of WhatsApp media. A reply contains the link to the media, and the next request carries the access token,
 * so the link must lead to Meta (…/cloud-api/reference/media: lookaside.fbsbx.com), or to the configured Graph API.
 */
const metas = ['fbsbx.com', 'fbcdn.net', 'facebook.com', 'whatsapp.net', 'whatsapp.com'];

/** @param apiRoot origin of the Graph API */
export function mayHaveToken(link: string, apiRoot: string): boolean {
  const url = URL.parse(link);
  if (url === null) return false;
  if (url.origin === URL.parse(apiRoot)?.origin) return true;
  return url.protocol === 'https:' && url.port === '' && metas.some((host) => url.hostname === host || url.hostname.endsWith(`.${host}`));
}
