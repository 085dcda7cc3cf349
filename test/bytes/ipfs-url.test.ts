import { base36 } from 'multiformats/bases/base36'
import { describe, expect, it } from 'vitest'
import { parseIpfsUrl } from '../../src/bytes/ipfs-url.ts'

const V1 = 'bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi'
const V0 = 'QmbWqxBEKC3P8tqsKc98xmWNzrzDtRLMiMPL8wBuTGsMnR'

describe('an address on IPFS', () => {
  it.each<[string, string, readonly string[], string | undefined]>([
    [V1, V1, [], undefined],
    [V0, V0, [], undefined],
    [` ${V1}\n`, V1, [], undefined],
    [`${V1}/a/b.txt`, V1, ['a', 'b.txt'], undefined],
    [`/ipfs/${V0}`, V0, [], undefined],
    [`/ipfs/${V0}/a%20b/`, V0, ['a b'], undefined],
    [`ipfs://${V1}`, V1, [], undefined],
    [`IPFS://${V0}/a`, V0, ['a'], undefined],
    [`ipfs://ipfs/${V1}/a`, V1, ['a'], undefined],
    [`ipfs://${V1}/%C4%85/%E2%82%AC?download=true#top`, V1, ['ą', '€'], undefined],
    [`https://gw.example/ipfs/${V0}/a?format=car`, V0, ['a'], 'https://gw.example'],
    [`http://127.0.0.1:8080/ipfs/${V1}`, V1, [], 'http://127.0.0.1:8080'],
    [`https://${V1}.ipfs.dweb.example/a/b`, V1, ['a', 'b'], 'https://dweb.example'],
    [`https://${V1}.ipfs.localhost:8080/`, V1, [], 'https://localhost:8080'],
    [`https://gateway.ipfs.example/ipfs/${V0}`, V0, [], 'https://gateway.ipfs.example'],
    [`https://${V1}.ipfs.dweb.example/ipfs/x`, V1, ['ipfs', 'x'], 'https://dweb.example'],
    [`https://${V1.toUpperCase()}.ipfs.dweb.example`, V1, [], 'https://dweb.example'],
  ])('is read from %j', (text, cid, path, gateway) => {
    const address = parseIpfsUrl(text)
    expect(address.cid.toString()).toBe(cid)
    expect(address.path).toEqual(path)
    expect(address.gateway).toBe(gateway)
  })

  it('may have its CID in base36, as hosts have', () => {
    const { cid } = parseIpfsUrl(V1)
    expect(parseIpfsUrl(`https://${cid.toString(base36)}.ipfs.dweb.example/`).cid.equals(cid)).toBe(true)
    expect(parseIpfsUrl(cid.toString(base36)).cid.equals(cid)).toBe(true)
  })

  it.each([
    ['', 'malformed'],
    ['hello', 'invalid-cid'],
    ['ipfs://', 'invalid-cid'],
    ['/ipfs/', 'invalid-cid'],
    [`ipfs://${V1.slice(0, -1)}`, 'invalid-cid'],
    [`https://gw.example/${V1}`, 'malformed'],
    ['https://gw.example', 'malformed'],
    ['https://gateway.ipfs.example/', 'invalid-cid'],
    [`https://user:pw@gw.example/ipfs/${V1}`, 'malformed'],
    [`https://gw.example\\ipfs\\${V1}`, 'malformed'],
    [`ftp://gw.example/ipfs/${V1}`, 'malformed'],
    ['https://', 'malformed'],
    ['/ipns/docs.ipfs.tech', 'unsupported'],
    ['ipns://docs.ipfs.tech/a', 'unsupported'],
    ['https://gw.example/ipns/docs.ipfs.tech', 'unsupported'],
    ['https://docs-ipfs-tech.ipns.dweb.example/', 'unsupported'],
    [`${V1}/..`, 'malformed'],
    [`${V1}/a/../b`, 'malformed'],
    [`https://gw.example/ipfs/${V1}/../x`, 'malformed'],
    [`https://gw.example/ipfs/${V1}/%2e%2e/x`, 'malformed'],
    [`${V1}/./a`, 'malformed'],
    [`${V1}//a`, 'malformed'],
    [`${V1}/a%2Fb`, 'malformed'],
    [`${V1}/a%5Cb`, 'malformed'],
    [`${V1}/a%00`, 'malformed'],
    [`${V1}/%ff`, 'malformed'],
    [`${V1}/%`, 'malformed'],
  ])('is not %j', (text, code) => {
    expect(() => parseIpfsUrl(text)).toThrow(expect.objectContaining({ code, name: 'FormatError' }))
  })

  it('is not longer than 8 192 characters', () => {
    expect(() => parseIpfsUrl(`${V1}/${'a'.repeat(9_000)}`)).toThrow(expect.objectContaining({ code: 'malformed' }))
  })

  it('does not repeat a password', () => {
    expect(() => parseIpfsUrl(`https://user:s3cret@gw.example/ipfs/${V1}`)).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('s3cret') }),
    )
  })
})
