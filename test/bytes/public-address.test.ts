import { describe, expect, it } from 'vitest'
import { isPublicAddress } from '../../src/bytes/public-address.ts'

describe('an address of the public internet', () => {
  it.each(['8.8.8.8', '1.1.1.1', '172.15.255.255', '172.32.0.0', '100.63.255.255', '100.128.0.0', '223.255.255.255', '2606:4700::1111'])(
    'is %s',
    (address) => {
      expect(isPublicAddress(address)).toBe(true)
    },
  )

  it('is one of IPv4 behind NAT64', () => {
    expect(isPublicAddress('64:ff9b::8.8.8.8')).toBe(true)
    expect(isPublicAddress('64:ff9b::808:808')).toBe(true)
  })
})

describe('an address that webhooks are not sent to', () => {
  it.each([
    ['this machine', '127.0.0.1', '127.255.255.254', '0.0.0.0', '0.1.2.3', '::1', '::'],
    ['a private network', '10.0.0.1', '10.255.255.255', '172.16.0.1', '172.31.255.255', '192.168.1.1', 'fd00::1', 'fc00::1', 'fec0::1'],
    ['the local link, with the metadata of clouds on it', '169.254.169.254', 'fe80::1', 'fe80::1%eth0'],
    ['a carrier', '100.64.0.1', '100.127.255.255'],
    ['many', '224.0.0.1', '239.1.2.3', '255.255.255.255', 'ff02::1'],
    ['a book', '192.0.2.1', '198.51.100.7', '203.0.113.9', '2001:db8::1', '3fff::1'],
    ['a bench', '198.18.0.1', '198.19.255.255', '240.0.0.1', '192.0.0.8'],
    ['IPv4 in the clothes of IPv6', '::ffff:127.0.0.1', '::ffff:7f00:1', '::ffff:8.8.8.8', '::127.0.0.1', '::ffff:0:10.0.0.1'],
    ['a tunnel', '2002:7f00:1::', '2002:0a00:0001::1', '2001:0:53aa:64c::1', '64:ff9b::10.0.0.1', '64:ff9b::7f00:1', '64:ff9b:1::1'],
    ['nothing at all', '', 'localhost', '127.1', '0x7f.0.0.1', '2130706433', '256.1.1.1', ':::'],
  ])('is that of %s', (_, ...addresses) => {
    expect(addresses.filter(isPublicAddress)).toEqual([])
  })
})
