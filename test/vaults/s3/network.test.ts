/** What lies between a vault and its store: TLS with a private authority, proxies, nobody at all. */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { samplePack } from '../../../src/conformance/fixture.ts'
import { assertHolds } from '../../../src/conformance/vault-context.ts'
import { knowsProxies } from '../../../src/vaults/s3/client.ts'
import { forwardProxy, tlsFront } from '../../fakes/s3/fronts.ts'
import { fakeS3, openedOn, PART_BYTES, vaultOn } from './on-fake.ts'

it('a store that nobody runs is unreachable', async () => {
  const fake = await fakeS3()
  const vault = await openedOn(fake)
  await fake.close()
  await expect(vault.status(`s3:packs/aa/b.car`)).rejects.toMatchObject({ code: 'invalid' })
  await expect(vault.open?.()).rejects.toMatchObject({ code: 'unreachable' })
})

const pem = (name: string) => readFile(fileURLToPath(new URL(`../../fixtures/tls/${name}.pem`, import.meta.url)), 'utf8')
const LARGE = { seed: 'large', blocks: 1, blockLength: 4 * PART_BYTES - 200 }

/** The fake behind TLS that a private authority has signed for 127.0.0.1 and localhost. */
async function secureFake(cert = 'server') {
  const fake = await fakeS3()
  const front = await tlsFront(fake.endpoint, { cert: await pem(cert), key: await pem('server-key') })
  onTestFinished(() => front.close())
  return { ...fake, endpoint: front.endpoint, front }
}

describe('a store with a certificate of a private authority', () => {
  it('is used when the authority is given', async () => {
    const fake = await secureFake()
    const vault = await openedOn(fake, { ca: await pem('authority') })
    for (const options of [{ seed: 'small' }, LARGE]) {
      const pack = await samplePack(options)
      await assertHolds(vault, await vault.put(pack), pack)
    }
    expect(fake.front.connections()).toBeGreaterThan(0)
  })

  it.each([
    ['without it', undefined],
    ['with another one', 'other-authority'],
  ])('is unreachable %s, and the message names `ca`', async (_, authority) => {
    const fake = await secureFake()
    const vault = vaultOn(fake, { ca: authority && (await pem(authority)) })
    const said = { code: 'unreachable', message: expect.stringMatching(/certificate is not trusted; give the authority as `ca`/) }
    await expect(vault.open?.()).rejects.toMatchObject(said)
    await expect(vault.locate((await samplePack()).name)).rejects.toMatchObject(said)
    expect(fake.faults.log).toEqual([])
  })

  it('is unreachable under a name that the certificate does not have', async () => {
    const fake = await secureFake('elsewhere')
    const vault = vaultOn(fake, { ca: await pem('authority') })
    await expect(vault.open?.()).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringMatching(/another name; correct the endpoint/),
    })
  })
})

// Node's agents know proxies since 24.5; without them the option is refused, which pure.test.ts and the last test here cover.
describe.skipIf(!knowsProxies(process.versions.node))('a proxy', () => {
  it('carries every request to a store without TLS', async () => {
    const fake = await fakeS3()
    const proxy = await forwardProxy()
    onTestFinished(() => proxy.close())
    const vault = await openedOn(fake, { proxy: proxy.url })
    const pack = await samplePack(LARGE)
    await assertHolds(vault, await vault.put(pack), pack)
    expect(proxy.carried.length).toBe(fake.faults.log.length)
    expect(proxy.carried.every((url) => url.startsWith(fake.endpoint))).toBe(true)
  })

  it('is a tunnel to a store with TLS, and sees nothing but its name', async () => {
    const fake = await secureFake()
    const proxy = await forwardProxy()
    onTestFinished(() => proxy.close())
    const vault = await openedOn(fake, { proxy: proxy.url, ca: await pem('authority') })
    const pack = await samplePack(LARGE)
    await assertHolds(vault, await vault.put(pack), pack)
    const { host } = new URL(fake.endpoint)
    expect(new Set(proxy.carried)).toEqual(new Set([`CONNECT ${host}`]))
    expect(proxy.carried.length, 'every connection of the store came through it').toBe(fake.front.connections())
    const blind = vaultOn(fake, { proxy: proxy.url })
    await expect(blind.open?.()).rejects.toMatchObject({ code: 'unreachable', message: expect.stringMatching(/`ca`/) })
  })

  it('that is gone, or refuses the tunnel, is unreachable: the store is not asked past it', async () => {
    const fake = await secureFake()
    const ca = await pem('authority')
    const gone = await forwardProxy()
    await gone.close()
    await expect(vaultOn(fake, { proxy: gone.url, ca }).open?.()).rejects.toMatchObject({ code: 'unreachable' })
    const strict = await forwardProxy({ refuses: true })
    onTestFinished(() => strict.close())
    await expect(vaultOn(fake, { proxy: strict.url, ca }).open?.()).rejects.toMatchObject({ code: 'unreachable' })
    expect(strict.carried.length).toBeGreaterThan(0)
    expect(fake.faults.log).toEqual([])
  })
})

it.skipIf(knowsProxies(process.versions.node))('a proxy is refused where Node knows none, with the version that does', async () => {
  const fake = await fakeS3()
  await expect(vaultOn(fake, { proxy: 'http://127.0.0.1:9' }).open?.()).rejects.toMatchObject({
    code: 'unsupported',
    message: expect.stringMatching(/24\.5/),
  })
})
