import { BlockList, isIPv6 } from 'node:net';

const [inner4, inner6] = [new BlockList(), new BlockList()];
// Source: IANA IPv4 Special-Purpose Address Registry, and multicast.
for (const range of [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10', // Carriers, and metadata services of clouds.
  '127.0.0.0/8',
  '169.254.0.0/16', // Link-local, and metadata services of most clouds.
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
  '168.63.129.16/32', // A cloud's host agent, on an address that looks public.
])
  add(inner4, range, 'ipv4');
// Only 2000::/3 is global unicast. Excluded from it: Teredo and similar, documentation, 6to4.
for (const range of ['::/3', '4000::/2', '8000::/1', '2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20']) add(inner6, range, 'ipv6');

/** True for an address outside the public internet, in any form: loopback, private, link-local, mapped, reserved. */
export function isInner(address: string): boolean {
  const bare = address.replace(/%.*$/, '');
  return isIPv6(bare) ? inner6.check(bare, 'ipv6') : inner4.check(bare, 'ipv4');
}

function add(list: BlockList, range: string, family: 'ipv4' | 'ipv6'): void {
  const [net = '', bits] = range.split('/');
  list.addSubnet(net, Number(bits), family);
}
