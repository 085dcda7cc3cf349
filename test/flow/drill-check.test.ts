import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { ObjectRow } from '../../src/contracts.ts'
import { readIdentities } from '../../src/flow/age-keys.ts'
import { opensTo, rootOnDisk, sealedRootOnDisk } from '../../src/flow/drill-check.ts'
import { addressOf, RAW, toCID } from '../../src/format/address.ts'
import { files, fleet, flip, noise, only, tempFolder } from './house.ts'
import { alice } from './sealed/keys.ts'

const object = (given: Partial<ObjectRow>): ObjectRow =>
  ({ id: 1, kind: 'file', profile: 'unixfs-v1-2025', visibility: 'public', erasable: false, ...given }) as ObjectRow

/** Age files as age itself makes them, with the header alone in front. */
async function sealedFile(bytes: Uint8Array): Promise<Uint8Array> {
  const { Encrypter } = await import('age-encryption')
  const encrypter = new Encrypter()
  encrypter.addRecipient(alice.recipient)
  return encrypter.encrypt(bytes)
}

describe('what lies on disk', () => {
  it('has the root that it was put under, and another one when a bit, a name or a file differs', async () => {
    const { archive } = await fleet(['a', 'b'])
    const folder = await files(await tempFolder(), { 'one.bin': noise(2_000_000), 'sub/two': 'two' })
    const { root } = await archive.put(folder)
    const asked = () => rootOnDisk(object({ kind: 'directory' }), folder, {})
    expect((await asked())?.toString()).toBe(root)
    await flip(join(folder, 'one.bin'), 1_999_999)
    expect((await asked())?.toString()).not.toBe(root)
    await flip(join(folder, 'one.bin'), 1_999_999)
    expect((await asked())?.toString()).toBe(root)
    await writeFile(join(folder, 'sub', 'three'), '')
    expect((await asked())?.toString()).not.toBe(root)
  })

  it('of a sealed file is judged by the leaves that the format cuts, and a changed bit gives another root', async () => {
    const folder = await tempFolder()
    const at = join(folder, 'file.age')
    const bytes = await sealedFile(noise(3_000))
    await writeFile(at, bytes)
    const cid = addressOf(bytes, RAW)
    expect((await sealedRootOnDisk(object({}), at, new Map([['', cid]]), {}))?.toString()).toBe(cid.toString())
    await flip(at, bytes.byteLength - 1)
    expect((await sealedRootOnDisk(object({}), at, new Map([['', cid]]), {}))?.toString()).not.toBe(cid.toString())
    expect(toCID(cid.toString()).equals(cid)).toBe(true)
  })

  it('is what age opens, or it is not', async () => {
    const folder = await tempFolder()
    const [plain, sealed] = [join(folder, 'plain'), join(folder, 'sealed')]
    const bytes = noise(200_000)
    const keys = only(await readIdentities(alice.identity, 'here')).identity
    const asked = (byteLength = bytes.byteLength) => opensTo(plain, sealed, { identities: [keys], byteLength })
    await writeFile(plain, bytes)
    await writeFile(sealed, await sealedFile(bytes))
    expect(await asked()).toBe(true)
    await flip(plain, 199_999)
    expect(await asked()).toBe(false)
    await writeFile(plain, bytes.subarray(0, 199_999))
    expect(await asked()).toBe(false)
    await writeFile(plain, Buffer.concat([bytes, Buffer.of(0)]))
    expect(await asked()).toBe(false)
    // Padding may follow in the ciphertext, nothing else.
    await writeFile(plain, bytes)
    await writeFile(sealed, await sealedFile(Buffer.concat([bytes, Buffer.alloc(900)])))
    expect(await asked()).toBe(true)
    await writeFile(sealed, await sealedFile(Buffer.concat([bytes, Buffer.alloc(900, 1)])))
    expect(await asked()).toBe(false)
    await writeFile(plain, '')
    await writeFile(sealed, await sealedFile(new Uint8Array(0)))
    expect(await asked(0)).toBe(true)
  })
})
