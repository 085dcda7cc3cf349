import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { fakeS3, openedOn, vaultOn } from './on-fake.ts'

it('a proxy carries every request', async () => {
  const fake = await fakeS3()
  const seen: string[] = []
  const proxy = createServer((incoming, outgoing) => {
    seen.push(incoming.url ?? '')
    const { port, pathname, search } = new URL(incoming.url ?? '')
    const onward = connect(Number(port), '127.0.0.1', () => {
      const headers = incoming.rawHeaders.reduce((text, part, index) => text + part + (index % 2 === 0 ? ': ' : '\r\n'), '')
      onward.write(`${incoming.method} ${pathname}${search} HTTP/1.1\r\n${headers}\r\n`)
      incoming.pipe(onward)
    })
    onward.on('error', () => outgoing.destroy())
    onward.pipe(outgoing.socket ?? onward)
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    proxy.closeAllConnections()
    proxy.close()
  })
  const vault = vaultOn(fake, { proxy: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` })
  await vault.open?.().catch(() => undefined)
  expect(seen.length).toBeGreaterThan(0)
  expect(seen.every((url) => url.startsWith(fake.endpoint))).toBe(true)
})

it('a store that nobody runs is unreachable', async () => {
  const fake = await fakeS3()
  const vault = await openedOn(fake)
  await fake.close()
  await expect(vault.status(`s3:packs/aa/b.car`)).rejects.toMatchObject({ code: 'invalid' })
  await expect(vault.open?.()).rejects.toMatchObject({ code: 'unreachable' })
})

it('credentials of a provider are asked for and used', async () => {
  const fake = await fakeS3()
  let asked = 0
  const { accessKeyId, secretAccessKey, sessionToken } = fake
  const credentials = async () => {
    asked++
    return { accessKeyId, secretAccessKey, sessionToken }
  }
  await vaultOn(fake, { accessKeyId: undefined, secretAccessKey: undefined, credentials }).open?.()
  expect(asked).toBe(1)
})
