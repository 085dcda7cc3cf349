/** Blocks of other writers, good and bad, through everything that reads a block whose sender is not believed. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import * as pb from '@ipld/dag-pb'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { describe, expect, it } from 'vitest'
import { FormatError } from '../../src/errors.ts'
import { addressOf, DAG_CBOR, DAG_PB, inlined, MAX_IDENTITY_BYTES, matches, RAW } from '../../src/format/address.ts'
import { carRoot } from '../../src/format/car-read.ts'
import { dagJson } from '../../src/format/dag-json.ts'
import { everyLinkOf, linksOf } from '../../src/format/dag-links.ts'
import { decodeUnixFS, limitsOf } from '../../src/format/unixfs-node.ts'

const DAG_JSON = 0x129
const vectors = new URL('../../../shared/vectors/codec/', import.meta.url)
const absent = !existsSync(fileURLToPath(vectors))
if (absent) console.warn(`SKIPPED: vectors are not at ${vectors.pathname}; blocks of other writers were not read`)

interface Fixture {
  readonly name: string
  readonly cid: CID
  readonly bytes: Buffer
  /** The same value as DAG-JSON. */
  readonly json: string
}

function fixtures(): readonly Fixture[] {
  const folders = readdirSync(new URL('fixtures/', vectors), { withFileTypes: true }).filter((entry) => entry.isDirectory())
  return folders.flatMap(({ name }) => {
    const folder = new URL(`fixtures/${encodeURIComponent(name)}/`, vectors)
    const files = readdirSync(folder).sort()
    const json = files.find((file) => file.endsWith('.dag-json')) ?? ''
    return files.map((file) => ({
      name: `${name}/${file}`,
      cid: CID.parse(file.split('.', 1)[0] ?? ''),
      bytes: readFileSync(new URL(file, folder)),
      json: readFileSync(new URL(json, folder), 'utf8'),
    }))
  })
}

const negative = <T>(path: string): readonly T[] => JSON.parse(readFileSync(new URL(`negative-fixtures/${path}`, vectors), 'utf8'))

/** The code of the typed error; anything else is thrown on. */
function codeOf(work: () => unknown): string | undefined {
  try {
    work()
    return undefined
  } catch (error) {
    if (error instanceof FormatError) return error.code
    throw error
  }
}

describe.skipIf(absent)('the fixtures of the codecs', () => {
  it('hash to the CIDs that name them, and to no other', () => {
    const all = fixtures()
    expect(all).toHaveLength(273)
    for (const { name, cid, bytes } of all) {
      expect([name, matches(cid, bytes)]).toEqual([name, true])
      expect([name, matches(cid, Buffer.concat([bytes, Buffer.of(0)]))]).toEqual([name, false])
    }
  })

  it('of dag-pb give the links that their DAG-JSON has', () => {
    const nodes = fixtures().filter(({ cid }) => cid.code === DAG_PB)
    expect(nodes).toHaveLength(17)
    for (const { name, cid, bytes, json } of nodes) {
      const { Links }: { readonly Links: readonly { readonly Hash: { readonly '/': string } }[] } = JSON.parse(json)
      expect([name, everyLinkOf(cid, bytes).map(String)]).toEqual([name, Links.map(({ Hash }) => Hash['/'])])
      expect(new Set(linksOf(cid, bytes).map(String)).size).toBe(linksOf(cid, bytes).length)
      expect(JSON.parse(dagJson(pb.decode(bytes)))).toEqual(JSON.parse(json))
    }
  })

  it('of dag-pb are no UnixFS, which is said by a typed error, but for two that are', () => {
    const codes: Record<string, unknown> = {}
    for (const { name, cid, bytes } of fixtures().filter(({ cid: { code } }) => code === DAG_PB))
      codes[name.split('/', 1)[0] ?? ''] = codeOf(() => decodeUnixFS(cid, bytes, limitsOf()))
    expect(codes).toMatchInlineSnapshot(`
      {
        "dagpb_11unnamedlinks+data": "malformed",
        "dagpb_1link": "unsupported",
        "dagpb_2link+data": "malformed",
        "dagpb_4namedlinks+data": undefined,
        "dagpb_7unnamedlinks+data": undefined,
        "dagpb_Data_some": "malformed",
        "dagpb_Data_zero": "unsupported",
        "dagpb_Links_Hash_some": "unsupported",
        "dagpb_Links_Hash_some_Name_some": "unsupported",
        "dagpb_Links_Hash_some_Name_zero": "unsupported",
        "dagpb_Links_Hash_some_Tsize_some": "unsupported",
        "dagpb_Links_Hash_some_Tsize_zero": "unsupported",
        "dagpb_empty": "unsupported",
        "dagpb_simple_forms_1": "malformed",
        "dagpb_simple_forms_2": "unsupported",
        "dagpb_simple_forms_3": "unsupported",
        "dagpb_simple_forms_4": "unsupported",
      }
    `)
  })

  it('of dag-cbor and dag-json are refused by their codec, whatever they hold', () => {
    for (const { name, cid, bytes } of fixtures().filter(({ cid: { code } }) => code !== DAG_PB)) {
      expect([DAG_CBOR, DAG_JSON]).toContain(cid.code)
      expect([name, codeOf(() => linksOf(cid, bytes))]).toEqual([name, 'unsupported'])
      expect([name, codeOf(() => decodeUnixFS(cid, bytes, limitsOf()))]).toEqual([name, 'unsupported'])
    }
  })

  it('read as dag-pb that they are not, give links or a typed error, and as the header of a CAR a typed error', () => {
    for (const { name, bytes } of fixtures()) {
      const claimed = addressOf(bytes, DAG_PB)
      for (const work of [() => linksOf(claimed, bytes), () => decodeUnixFS(claimed, bytes, limitsOf())])
        expect([undefined, 'malformed', 'unsupported'], name).toContain(codeOf(work))
      expect([name, codeOf(() => carRoot(bytes))]).toEqual([name, 'malformed'])
    }
  })
})

describe.skipIf(absent)('blocks that no writer should have made', () => {
  it('of dag-pb are malformed, for links and for UnixFS', () => {
    const edges = negative<{ readonly name: string; readonly hex: string }>('dag-pb/decode/edges.json')
    expect(edges).toHaveLength(9)
    for (const { name, hex } of edges) {
      const bytes = Buffer.from(hex, 'hex')
      const cid = addressOf(bytes, DAG_PB)
      expect([name, codeOf(() => linksOf(cid, bytes))]).toEqual([name, 'malformed'])
      expect([name, codeOf(() => decodeUnixFS(cid, bytes, limitsOf()))]).toEqual([name, 'malformed'])
    }
  })

  it('of dag-cbor and dag-json are headers of no CAR', () => {
    const repeated = ['dag-cbor', 'dag-json'].flatMap((codec) => negative<{ readonly hex: string }>(`${codec}/decode/duplicate-keys.json`))
    expect(repeated).toHaveLength(2)
    for (const { hex } of repeated) expect(() => carRoot(Buffer.from(hex, 'hex'))).toThrow('is not DAG-CBOR')
  })

  it('cannot be made by the dag-pb that we write with', () => {
    const forms = ['invalid-forms', 'basic-datamodel-kinds'].flatMap((name) =>
      negative<{ readonly name: string; readonly 'dag-json': unknown }>(`dag-pb/encode/${name}.json`),
    )
    expect(forms.length).toBeGreaterThan(67)
    for (const { name, 'dag-json': form } of forms) expect(() => pb.encode(form as pb.PBNode), name).toThrow()
  })
})

describe.skipIf(absent)('the table of multihashes', () => {
  const CHECKED = new Map([
    ['sha2-256', 256],
    ['sha2-512', 512],
  ])

  it('is checked for whole sha2-256 and sha2-512; shortened and other ones are unsupported', () => {
    const [, ...rows] = readFileSync(new URL('multihash_test_cases.csv', vectors), 'utf8').trimEnd().split('\n')
    expect(rows).toHaveLength(260)
    for (const row of rows) {
      const [algorithm = '', bits = '', input = '', multihash = ''] = row.split(',')
      const cid = CID.createV1(RAW, Digest.decode(Buffer.from(multihash, 'hex')))
      const isChecked = Number(bits) === CHECKED.get(algorithm)
      const given = [Buffer.from(input, 'hex'), Buffer.from(input)]
      const verdicts = given.map((bytes) => codeOf(() => matches(cid, bytes)) ?? matches(cid, bytes))
      expect([row, verdicts]).toEqual([row, isChecked ? expect.arrayContaining([true]) : ['unsupported', 'unsupported']])
    }
  })
})

describe('an identity CID', () => {
  const of = (byteLength: number) => CID.createV1(RAW, Digest.create(0, Buffer.alloc(byteLength, 7)))

  it('of up to 128 bytes carries them, and a longer one nothing', () => {
    expect(inlined(of(0))).toHaveLength(0)
    expect(inlined(of(MAX_IDENTITY_BYTES))).toHaveLength(128)
    expect(inlined(of(MAX_IDENTITY_BYTES + 1))).toBeUndefined()
    expect(codeOf(() => matches(of(MAX_IDENTITY_BYTES + 1), Buffer.alloc(129, 7)))).toBe('unsupported')
    expect(matches(of(3), Buffer.alloc(3, 8))).toBe(false)
  })
})
