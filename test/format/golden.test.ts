import { readFile, writeFile } from 'node:fs/promises'
import { CarReader } from '@ipld/car'
import * as cbor from '@ipld/dag-cbor'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import type { Receipt, ShredCertificate } from '../../src/contracts.ts'
import { verifyCertificate } from '../../src/format/certificate.ts'
import { decodeToc } from '../../src/format/pack.ts'
import { verifyReceipt } from '../../src/format/receipt.ts'
import { openSigned } from '../../src/format/record.ts'
import { golden } from './golden.ts'

const FILE = new URL('../vectors/format-v1.json', import.meta.url)

type Golden = Awaited<ReturnType<typeof golden>>
const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'))

describe('the golden vectors of format version 1', () => {
  it('are what the code writes today, byte for byte', async () => {
    const now = JSON.parse(JSON.stringify(await golden()))
    if (process.env.PERDURE_WRITE_VECTORS === '1') await writeFile(FILE, `${JSON.stringify(now, null, 1)}\n`)
    expect(now).toEqual(JSON.parse(await readFile(FILE, 'utf8')))
  })

  it('read with nobody’s code of ours: @ipld/car opens the index pack and dag-cbor its blocks', async () => {
    const vector = JSON.parse(await readFile(FILE, 'utf8')) as Golden
    const car = await CarReader.fromBytes(bytes(vector.indexPack.bytes))
    const [root] = await car.getRoots()
    const index = cbor.decode<{ kind: string; tocs: CID[]; records: CID[] }>((await car.get(root as CID))?.bytes as Uint8Array)
    expect(index.kind).toBe('index')
    expect(index.tocs.map(String)).toEqual([vector.pack.name])
    const toc = cbor.decode<{ blocks: [CID, number][] }>((await car.get(index.tocs[0] as CID))?.bytes as Uint8Array)
    expect(toc.blocks.map(([cid, length]) => [cid.toString(), length])).toEqual(vector.blocks)
    const record = cbor.decode<{ root: CID }>((await car.get(index.records[0] as CID))?.bytes as Uint8Array)
    expect(CID.asCID(record.root)?.toString()).toBe(vector.root)
  })

  it('read with our own readers, signatures included', async () => {
    const vector = JSON.parse(await readFile(FILE, 'utf8')) as Golden
    expect(decodeToc(bytes(vector.toc)).blocks).toHaveLength(vector.blocks.length)
    expect(await openSigned(bytes(vector.record))).toMatchObject({ kind: 'record', sequence: 1, name: 'golden' })
    expect(await openSigned(bytes(vector.tombstone))).toMatchObject({ kind: 'tombstone', sequence: 2 })
    expect(await openSigned(bytes(vector.retainedRecord))).toMatchObject({ sequence: 2, retain: { mode: 'compliance', legalHold: false } })
    expect(await openSigned(bytes(vector.erasableRecord))).toMatchObject({ sequence: 3, packs: [{ erasable: true }] })
    expect(await openSigned(bytes(vector.shredTombstone))).toMatchObject({
      kind: 'tombstone',
      shred: { packs: [CID.parse(vector.pack.name)] },
    })
    expect(await verifyCertificate(vector.certificate as ShredCertificate, vector.certificate.archive)).toBe(true)
    expect(await verifyReceipt(vector.receipt as Receipt, vector.receipt.archive)).toBe(true)
  })

  it('refuse every flipped bit of a signed record', async () => {
    const vector = JSON.parse(await readFile(FILE, 'utf8')) as Golden
    const record = bytes(vector.record)
    const opened: number[] = []
    for (let bit = 0; bit < record.byteLength * 8; bit += 7) {
      const bent = record.slice()
      bent[bit >> 3] = (bent[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      const refused = await openSigned(bent).then(
        () => false,
        () => true,
      )
      if (!refused) opened.push(bit)
    }
    expect(opened).toEqual([])
  })
})
