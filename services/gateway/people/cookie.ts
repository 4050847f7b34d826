/** The cookie of a session. `__Host-` works over https only; over plain http a cookie is given on loopback alone. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { PolybError } from '../../../contracts/kit/errors.ts';

const secureName = '__Host-polyb';
const plainName = 'polyb_session';
const loopback = /^(127\.\d+\.\d+\.\d+|::1|::ffff:127\.\d+\.\d+\.\d+)$/;

type At = Pick<FastifyRequest, 'protocol' | 'ip' | 'headers'>;
const nameAt = ({ protocol }: At): string => (protocol === 'https' ? secureName : plainName);

/** '' without one. */
export function sessionCookie(request: At): string {
  const name = `${nameAt(request)}=`;
  for (const pair of (request.headers.cookie ?? '').slice(0, 8_192).split(';')) {
    const text = pair.trim();
    if (text.startsWith(name)) return text.slice(name.length);
  }
  return '';
}

/** @throws PolybError failed_precondition/plain_http where the password would cross a network unprotected. */
export function requireSafeTransport({ protocol, ip }: At): void {
  if (protocol !== 'https' && !loopback.test(ip))
    throw new PolybError(
      'failed_precondition',
      'Logging in needs https: put a proxy with a certificate before this server, and name it in GATEWAY_TRUSTED_PROXIES.',
      {
        reason: 'plain_http',
      },
    );
}

/** @param token Null removes the cookie. */
export function setSessionCookie(request: At, reply: FastifyReply, token: string | null, maxAgeMs: number): void {
  const isSecure = request.protocol === 'https';
  const age = token === null ? 0 : Math.floor(maxAgeMs / 1000);
  reply.header(
    'set-cookie',
    `${nameAt(request)}=${token ?? ''}; Path=/; Max-Age=${age}; HttpOnly; SameSite=Lax${isSecure ? '; Secure' : ''}`,
  );
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
