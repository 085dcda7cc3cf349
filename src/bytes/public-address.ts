/** Which addresses are of the public internet, by the special-purpose registries of IANA (RFC 6890 and its successors): webhooks and gateways lead to no others. */
import { BlockList, isIP } from 'node:net'

/** Networks of IPv4 that are not the public internet. */
const RESERVED_4: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.31.196.0', 24],
  ['192.52.193.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['192.175.48.0', 24],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
]

/** Within 2000::/3, what is not public either: Teredo and its neighbours, documentation, 6to4. */
const RESERVED_6: readonly (readonly [string, number])[] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['2620:4f:8000::', 48],
  ['3fff::', 20],
]

/** The well-known prefix of NAT64, through which networks of IPv6 alone reach IPv4; what it leads to is judged as IPv4. */
const NAT64 = '64:ff9b::'
const NAT64_BITS = 96

const reserved = new BlockList()
const global6 = new BlockList()

for (const [network, bits] of RESERVED_4) {
  reserved.addSubnet(network, bits, 'ipv4')
  reserved.addSubnet(`${NAT64}${network}`, NAT64_BITS + bits, 'ipv6')
}
for (const [network, bits] of RESERVED_6) reserved.addSubnet(network, bits, 'ipv6')
global6.addSubnet('2000::', 3, 'ipv6')
global6.addSubnet(NAT64, NAT64_BITS, 'ipv6')

/**
 * Is it an address of the public internet? IPv4 in IPv6 clothes (`::ffff:10.0.0.1`), zones and whatever is no address are not. Only the NAT64 prefix that is
 * common to all networks is known.
 */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address)
  if (family === 4) return !reserved.check(address, 'ipv4')
  if (family !== 6 || address.includes('%')) return false
  return global6.check(address, 'ipv6') && !reserved.check(address, 'ipv6')
}
