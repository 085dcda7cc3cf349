/** One S3 bucket, one verb, ours or the plain SDK's: `node s3 VERB JSON` prints what came of it as JSON. */
import { createReadStream, createWriteStream } from 'node:fs'
import { open } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Pack, Vault } from '../../src/contracts.ts'

/** What the verbs are told. Modules are file URLs: this script runs outside the checkout. */
export interface S3Orders {
  readonly modules: {
    readonly index: string
    readonly s3: string
    readonly sdk: string
    readonly upload: string
    readonly cid: string
    readonly car: string
  }
  readonly bucket: string
  readonly endpoint: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** `put`, `restore`, `sample`: folder of the archive. */
  readonly archive?: string
  /** `put`, `upload`: the file. */
  readonly source?: string
  readonly byteLength?: number
  /** `upload`: prefix of the vault, or key of the plain object; `plainDownload`: its key; `clear`: prefix of what goes. */
  readonly key?: string
  readonly root?: string
  readonly target?: string
  /** `sample`: how many draws, and how often. */
  readonly draws?: number
  readonly rounds?: number
}

export interface S3Outcome {
  readonly root?: string
  readonly state?: string
  /** One for each round of `sample`. */
  readonly samples?: readonly {
    readonly ms: number
    readonly plainMs: number
    readonly reads: number
    readonly spans: number
    readonly width: number
  }[]
}

interface Read {
  readonly at: string
  readonly offset: number
  readonly length: number
}

const [, , verb = '', text = '{}'] = process.argv
const orders = JSON.parse(text) as S3Orders
const { modules, bucket, endpoint, accessKeyId, secretAccessKey, source = '', key = '', root = '', target = '', byteLength = 0 } = orders

const vaultAt = async (prefix: string): Promise<Vault> => {
  const { s3 } = (await import(modules.s3)) as typeof import('../../src/s3.ts')
  return s3({ id: 'bench', bucket, region: 'us-east-1', endpoint, accessKeyId, secretAccessKey, prefix })
}

async function plainClient() {
  const sdk = (await import(modules.sdk)) as typeof import('@aws-sdk/client-s3')
  const client = new sdk.S3Client({
    endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
    // The SDK's own checksums cost it time, and some stores refuse them.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  })
  return { sdk, client }
}

async function archiveOver(vault: Vault) {
  const { createArchive } = (await import(modules.index)) as typeof import('../../src/index.ts')
  return createArchive({ ...(orders.archive !== undefined && { path: orders.archive }), vaults: [vault], policy: { copies: 1, floor: 1 } })
}

/** The file as one pack: the vault asks for its bytes and its name only. */
async function upload(): Promise<S3Outcome> {
  const { CID } = (await import(modules.cid)) as typeof import('multiformats/cid')
  const name = CID.parse('bafyreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy')
  const pack: Pack = {
    name,
    kind: 'content',
    root: name,
    byteLength,
    spans: async () => [],
    open: ({ offset = 0, length = byteLength - offset } = {}) =>
      createReadStream(source, { start: offset, end: offset + length - 1, highWaterMark: 1024 * 1024 }),
  }
  const vault = await vaultAt(key)
  await vault.open?.()
  let state: Uint8Array | undefined
  const journal = {
    load: async () => state,
    save: async (next: Uint8Array) => {
      state = next
    },
  }
  await vault.put(pack, { journal })
  await vault.close?.()
  return {}
}

async function plainUpload(): Promise<S3Outcome> {
  const { client } = await plainClient()
  const { Upload } = (await import(modules.upload)) as typeof import('@aws-sdk/lib-storage')
  const Body = createReadStream(source, { highWaterMark: 1024 * 1024 })
  await new Upload({ client, params: { Bucket: bucket, Key: key, Body }, partSize: 16 * 1024 * 1024, queueSize: 4 }).done()
  return {}
}

async function plainDownload(): Promise<S3Outcome> {
  const { sdk, client } = await plainClient()
  const { Body } = await client.send(new sdk.GetObjectCommand({ Bucket: bucket, Key: key }))
  await pipeline(Body as Readable, createWriteStream(target, { flags: 'wx' }))
  await using file = await open(target, 'r+')
  await file.sync()
  return {}
}

async function put(): Promise<S3Outcome> {
  await using archive = await archiveOver(await vaultAt(key))
  const receipt = await archive.put(source)
  return { root: receipt.root, state: receipt.state }
}

async function restore(): Promise<S3Outcome> {
  await using archive = await archiveOver(await vaultAt(key))
  await archive.restore(root, target)
  return {}
}

/** Each round: verify, then the plain SDK gets each of the spans that verify checked, as many at a time as verify had reads. */
async function sample(): Promise<S3Outcome> {
  const reads: Read[] = []
  const seen = { now: 0, most: 0 }
  const vault = await vaultAt(key)
  const watched: Vault = {
    ...vault,
    async *read(at, span, options) {
      reads.push({ at, offset: span.offset, length: span.length })
      seen.most = Math.max(seen.most, ++seen.now)
      try {
        yield* vault.read(at, span, options)
      } finally {
        seen.now--
      }
    },
  }
  await using archive = await archiveOver(watched)
  const { sdk, client } = await plainClient()
  const blocks = await blocksOf(vault)
  const plain = async ({ at, offset, length }: Read) => {
    const Range = `bytes=${offset}-${offset + length - 1}`
    const { Body } = await client.send(new sdk.GetObjectCommand({ Bucket: bucket, Key: at.replace(/^s3:/, ''), Range }))
    await Body?.transformToByteArray()
  }
  const samples = []
  for (let round = 0; round < (orders.rounds ?? 1); round++) {
    reads.length = seen.most = 0
    const startedAt = performance.now()
    const { state } = await archive.verify(root, { sample: orders.draws ?? 459 })
    const ms = performance.now() - startedAt
    if (state !== 'satisfied') return { state }
    const spans = reads.flatMap(({ at, offset, length }) =>
      (blocks.get(at) ?? [])
        .filter((block) => block.offset >= offset && block.offset + block.length <= offset + length)
        .map((block) => ({ at, ...block })),
    )
    const queue = [...spans]
    const plainAt = performance.now()
    const worker = async () => {
      for (let next = queue.shift(); next; next = queue.shift()) await plain(next)
    }
    await Promise.all(Array.from({ length: seen.most }, worker))
    samples.push({ ms, plainMs: performance.now() - plainAt, reads: reads.length, spans: spans.length, width: seen.most })
  }
  return { samples }
}

/** Where the blocks of every pack in the vault lie, by locator: from the CARs themselves. */
async function blocksOf(vault: Vault): Promise<ReadonlyMap<string, readonly { readonly offset: number; readonly length: number }[]>> {
  const { CarIndexer } = (await import(modules.car)) as typeof import('@ipld/car')
  const found = new Map<string, { offset: number; length: number }[]>()
  for await (const { name, at, byteLength } of vault.list?.({ kind: 'content' }) ?? []) {
    const whole = vault.read(at, { cid: name, offset: 0, length: byteLength })
    const blocks: { offset: number; length: number }[] = []
    for await (const { blockOffset, blockLength } of await CarIndexer.fromIterable(whole))
      blocks.push({ offset: blockOffset, length: blockLength })
    found.set(at, blocks)
  }
  return found
}

async function bucketMade(): Promise<S3Outcome> {
  const { sdk, client } = await plainClient()
  await client.send(new sdk.CreateBucketCommand({ Bucket: bucket }))
  return {}
}

async function clear(): Promise<S3Outcome> {
  const { sdk, client } = await plainClient()
  const { Contents = [] } = await client.send(new sdk.ListObjectsV2Command({ Bucket: bucket, Prefix: key }))
  for (const { Key } of Contents) await client.send(new sdk.DeleteObjectCommand({ Bucket: bucket, Key }))
  return {}
}

const verbs: Readonly<Record<string, () => Promise<S3Outcome>>> = {
  bucket: bucketMade,
  upload,
  plainUpload,
  plainDownload,
  put,
  restore,
  sample,
  clear,
}
process.stdout.write(JSON.stringify(await verbs[verb]?.()))
