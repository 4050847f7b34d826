/** The cookies of a session and of a log-in through the identity provider. `__Host-` works over https only; over plain http a cookie is given on loopback alone. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { PolybError } from '../../../contracts/kit/errors.ts';
import { isLoopback } from '../../../contracts/kit/loopback.ts';

const names = {
  session: { secure: '__Host-polyb', plain: 'polyb_session' },
  logIn: { secure: '__Host-polyb-log-in', plain: 'polyb_log_in' },
} as const;
type Cookie = keyof typeof names;

type At = Pick<FastifyRequest, 'protocol' | 'ip' | 'headers'>;
const nameAt = ({ protocol }: At, cookie: Cookie): string => names[cookie][protocol === 'https' ? 'secure' : 'plain'];

/** '' without one. */
export function readCookie(request: At, cookie: Cookie): string {
  const name = `${nameAt(request, cookie)}=`;
  for (const pair of (request.headers.cookie ?? '').slice(0, 8_192).split(';')) {
    const text = pair.trim();
    if (text.startsWith(name)) return text.slice(name.length);
  }
  return '';
}

/** @throws PolybError failed_precondition/plain_http where the password would cross a network unprotected. */
export function requireSafeTransport({ protocol, ip }: At): void {
  if (protocol !== 'https' && !isLoopback(ip))
    throw new PolybError(
      'failed_precondition',
      'Logging in needs https: put a proxy with a certificate before this server, and name it in GATEWAY_TRUSTED_PROXIES.',
      {
        reason: 'plain_http',
      },
    );
}

export function setCookie(request: At, reply: FastifyReply, cookie: Cookie, value: string, maxAgeMs: number): void {
  const secure = request.protocol === 'https' ? '; Secure' : '';
  const age = Math.floor(maxAgeMs / 1000);
  reply.header('set-cookie', `${nameAt(request, cookie)}=${value}; Path=/; Max-Age=${age}; HttpOnly; SameSite=Lax${secure}`);
}
export function removeCookie(request: At, reply: FastifyReply, cookie: Cookie): void {
  setCookie(request, reply, cookie, '', 0);
}

/**
 * Refuses a change that another site's page sends with the cookie. Browsers name the site of the page in `Sec-Fetch-Site`; without it,
 * `Origin` must be this server's own.
 * @throws PolybError permission_denied/cross_site.
 */
export function requireSameOrigin({ headers, protocol }: At): void {
  const site = headers['sec-fetch-site'];
  const isSame = site === undefined ? headers.origin === `${protocol}://${headers.host ?? ''}` : site === 'same-origin' || site === 'none';
  if (!isSame)
    throw new PolybError('permission_denied', 'This request comes from the page of another site; open the desk and repeat it there.', {
      reason: 'cross_site',
    });
}
