/** Registration with a trunk: REGISTER, its refresh, and the granted values (RFC 3261, section 10; RFC 3608). */
import { createAuthorizer } from './authorizer.ts';
import { randomShare, randomToken } from './clock.ts';
import type { Credentials } from './digest.ts';
import { type Header, numberOf, type SipRequest, type SipResponse, values } from './message.ts';
import { newTag, type Stack } from './stack.ts';
import { formatNameAddress, parseNameAddress, parseUri } from './uri.ts';

export interface RegisterOptions {
  /** URI of the registrar: `sip:example.com`. */
  readonly registrar: string;
  /** URI to register: `sip:100@example.com`. */
  readonly address: string;
  readonly credentials?: Credentials;
  /** 300 by default; the registrar may grant less or demand more. */
  readonly expiresS?: number;
  /** A proxy in between. */
  readonly routes?: readonly string[];
}

export interface RegistrationState {
  readonly state: 'registering' | 'registered' | 'refused' | 'unreachable' | 'ended';
  /** Status of the last final response; null before it. */
  readonly status: number | null;
  readonly reason: string;
  /** All contacts of the address, including those of other devices. */
  readonly contacts: readonly string[];
  /** Seconds that the registrar granted this contact. */
  readonly grantedS: number | null;
  /** Proxies that calls from this address go through. */
  readonly serviceRoutes: readonly string[];
}

export interface Registration {
  state(): RegistrationState;
  /** Removes the contact of this instance alone, and ends the refreshes. A repeat does nothing. */
  end(): Promise<void>;
}

/**
 * Pause after a failure: 30 s, doubling up to 10 min, with random spread so that clients do not retry all at once (RFC 5626, section 4.5).
 */
const firstRetryMs = 30_000;
const mostRetryMs = 600_000;

export function register(
  stack: Stack,
  options: RegisterOptions,
  contact: string,
  onChange: (state: RegistrationState) => void,
): Registration {
  const { clock, random, requester } = stack;
  const authorizer = createAuthorizer(options.credentials ?? null, random);
  const callId = randomToken(random, 16);
  const fromTag = newTag(random);
  const routes = (options.routes ?? []).map((route) => (route.startsWith('<') ? route : `<${route}>`));
  let seq = 0;
  let expiresS = options.expiresS ?? 300;
  let retryMs = firstRetryMs;
  let stopNext = (): void => {};
  let isEnded = false;
  let current: RegistrationState = { state: 'registering', status: null, reason: '', contacts: [], grantedS: null, serviceRoutes: [] };

  function change(next: Partial<RegistrationState>): void {
    current = { ...current, ...next };
    onChange(current);
  }
  function build(seconds: number): SipRequest {
    seq += 1;
    const name = formatNameAddress({ uri: options.address });
    return {
      kind: 'request',
      method: 'REGISTER',
      uri: options.registrar,
      headers: [
        ...routes.map((route): Header => ['Route', route]),
        ['Max-Forwards', '70'],
        ['From', `${name};tag=${fromTag}`],
        ['To', name],
        ['Call-ID', callId],
        ['CSeq', `${seq} REGISTER`],
        ['Contact', `<${contact}>;expires=${seconds}`],
        ['Expires', String(seconds)],
        ['Supported', 'path'],
      ],
      body: new Uint8Array(0),
    };
  }
  const nextHop = routes[0] === undefined ? options.registrar : (parseNameAddress(routes[0])?.uri ?? options.registrar);
  const send = (seconds: number) => requester.send({ build: () => build(seconds), nextHop, authorizer });

  async function refresh(): Promise<void> {
    let { status, reason, response } = await send(expiresS);
    if (status === 423 && response) {
      // The registrar wants fewer refreshes.
      expiresS = Math.min(Math.max(expiresS, numberOf(response, 'Min-Expires') ?? expiresS), 86_400);
      ({ status, reason, response } = await send(expiresS));
    }
    if (isEnded) return;
    if (response && status < 300) {
      retryMs = firstRetryMs;
      const grantedS = grantedTo(contact, response) ?? expiresS;
      change({
        state: 'registered',
        status,
        reason,
        contacts: contactsIn(response),
        grantedS,
        serviceRoutes: values(response, 'Service-Route'),
      });
      // Early enough to resend a lost request, even with a short grant.
      stopNext = clock.after(Math.max(grantedS * 500, (grantedS - 40) * 1_000), () => void refresh()); // never rejects
      return;
    }
    change({ state: response ? 'refused' : 'unreachable', status, reason, contacts: [], grantedS: null });
    const waitMs =
      Math.max(retryMs, (response && (numberOf(response, 'Retry-After') ?? 0) * 1_000) || 0) * (0.8 + 0.4 * randomShare(random));
    retryMs = Math.min(retryMs * 2, mostRetryMs);
    stopNext = clock.after(waitMs, () => void refresh()); // never rejects
  }
  void refresh(); // never rejects

  return {
    state: () => current,
    async end() {
      if (isEnded) return;
      isEnded = true;
      stopNext();
      if (current.state === 'registered') {
        const removed = send(0);
        stack.linger(removed);
        await removed;
      }
      change({ state: 'ended', contacts: [], grantedS: null });
    },
  };
}

function contactsIn(response: SipResponse): readonly string[] {
  return values(response, 'Contact').flatMap((value) => parseNameAddress(value)?.uri ?? []);
}
/** The registrar lists every contact of the address; only that of this instance counts. */
function grantedTo(contact: string, response: SipResponse): number | null {
  const own = parseUri(contact);
  for (const value of values(response, 'Contact')) {
    const found = parseNameAddress(value);
    const uri = found && parseUri(found.uri);
    if (!uri || uri.host !== own?.host || uri.port !== own.port || uri.user !== own.user) continue;
    const expires = found.params.get('expires');
    return expires && /^\d{1,6}$/.test(expires) ? Number(expires) : numberOf(response, 'Expires');
  }
  return numberOf(response, 'Expires');
}
