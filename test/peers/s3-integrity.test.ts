/** What real servers make of digests: what the probe finds, and the ways of storing that only lesser stores need. */
import { describe, expect, it, onTestFinished } from 'vitest'
import { createPool } from '../../src/bytes/pool.ts'
import { samplePack } from '../../src/conformance/fixture.ts'
import { connector } from '../../src/vaults/s3/client.ts'
import { look } from '../../src/vaults/s3/head.ts'
import { settingsOf } from '../../src/vaults/s3/options.ts'
import { type Behaviour, known, type Place } from '../../src/vaults/s3/place.ts'
import { putPack } from '../../src/vaults/s3/put.ts'
import { slotsOf } from '../../src/vaults/s3/slots.ts'
import { s3 } from '../../src/vaults/s3.ts'
import { crc64nvme } from '../fakes/s3/crc64.ts'
import { newBucket, type S3Server, servers } from './s3-servers.ts'

const MIB = 1024 ** 2
const PART_BYTES = 5 * MIB
/** Seen: Ceph 16.2 checks what was signed and forgets every x-amz-checksum header; the other two check and keep all of them. */
const FOUND: Readonly<Record<string, string>> = { radosgw: 'signed', minio: 'sha256', versitygw: 'sha256' }

/** A vault's inside that takes the server for a store of another behaviour. */
async function placeOn(server: S3Server, behaviour: Partial<Behaviour>): Promise<Place> {
  const { options, bucket } = await newBucket(server)
  const settings = settingsOf({ ...options, partBytes: PART_BYTES })
  const { close, ...connection } = connector(settings)
  onTestFinished(close)
  return {
    settings,
    id: server.name,
    bucket,
    prefix: '',
    turns: new Map(),
    slots: slotsOf(2),
    ...connection,
    buffers: createPool({ byteLength: PART_BYTES, count: settings.partsInFlight + 1 }),
    behaviour: { checksums: 'none', conditionalPut: false, md5Etags: true, versioned: false, ...behaviour },
  }
}

const packs = { 'in one request': { blocks: 3, blockLength: MIB }, 'in parts': { blocks: 12, blockLength: MIB } }

it('has servers to talk to, or run.sh has said loudly which are missing', () => {
  if (servers.length === 0) console.warn('SKIPPED: no S3 server is there; start this through test/peers/run.sh')
})

describe.each(servers)('on $name', (server) => {
  it('the probe finds which digest is checked', async () => {
    const { options } = await newBucket(server)
    expect((await s3(options).open?.())?.labels?.checksums).toBe(FOUND[server.name])
  })

  for (const [how, shape] of Object.entries(packs)) {
    it(`CRC64NVME of the whole is what the server keeps, or the pack is read back where it keeps none, sent ${how}`, async () => {
      const place = await placeOn(server, { checksums: 'crc64nvme' })
      const pack = await samplePack({ seed: 'crc64', ...shape })
      const at = await putPack(place, pack, {})
      const kept = (await look(place, known(place, at), { checksum: true }))?.crc64
      expect(kept).toBe(server.name === 'radosgw' ? undefined : crc64nvme(pack.bytes).toString('base64'))
    })

    it.each([true, false])(`a pack is compared by its ETags (%s) or read back, sent ${how}`, async (md5Etags) => {
      const place = await placeOn(server, { md5Etags })
      const pack = await samplePack({ seed: 'compared', ...shape })
      expect((await look(place, known(place, await putPack(place, pack, {}))))?.byteLength).toBe(pack.byteLength)
    })
  }
})
