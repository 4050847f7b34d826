/** Resolves a URI to targets: protocol, address and port (RFC 3263, without NAPTR). */
import { lookup, Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { SipUri } from './uri.ts';

export type Protocol = 'udp' | 'tcp' | 'tls';
export interface Target {
  readonly protocol: Protocol;
  readonly address: string;
  readonly port: number;
  /** The name required in a certificate. */
  readonly host: string;
}

export interface NameService {
  /** IPv4 and IPv6 addresses; empty when there are none. */
  addresses(name: string): Promise<readonly string[]>;
  /** In order of preference; empty when there are none. */
  services(name: string): Promise<readonly { readonly name: string; readonly port: number }[]>;
}

export function systemNames(): NameService {
  const resolver = new Resolver({ timeout: 2_000, tries: 2 });
  // A name without records and an unresponsive name server are equal to the caller: there is no address.
  const none = () => [];
  return {
    addresses: (name) => lookup(name, { all: true }).then((found) => found.map(({ address }) => address), none),
    services: (name) =>
      resolver.resolveSrv(name).then((found) => found.toSorted((a, b) => a.priority - b.priority || b.weight - a.weight).slice(0, 8), none),
  };
}

/** Empty for `tel:`, for an unknown transport and for a name without addresses. */
export async function locate(uri: SipUri, names: NameService): Promise<readonly Target[]> {
  if (uri.scheme === 'tel') return [];
  const asked = uri.params.get('transport')?.toLowerCase();
  const isSecure = uri.scheme === 'sips' || asked === 'tls';
  const protocol = isSecure ? 'tls' : (asked ?? 'udp');
  if (protocol !== 'udp' && protocol !== 'tcp' && protocol !== 'tls') return [];
  const { host } = uri;
  const port = uri.port ?? (protocol === 'tls' ? 5061 : 5060);
  if (isIP(host) !== 0) return [{ protocol, address: host, port, host }];
  const services =
    uri.port === null ? await names.services(`_${isSecure ? 'sips' : 'sip'}._${protocol === 'udp' ? 'udp' : 'tcp'}.${host}`) : [];
  const places = services.length > 0 ? services : [{ name: host, port }];
  const found: Target[] = [];
  for (const place of places)
    for (const address of isIP(place.name) === 0 ? await names.addresses(place.name) : [place.name])
      found.push({ protocol, address, port: place.port, host });
  return found;
}
