import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addressOf, RAW } from '../../src/format/address.ts'
import { type IndexEntry, indexHead, indexLine, readIndex, timeOf, timeText } from '../../src/format/sealed-index.ts'
import { decodeMeta, encodeMeta } from '../../src/format/sealed-meta.ts'

const cid = addressOf(new Uint8Array(3), RAW)
const HEAD = '{"version":1,"kind":"perdure-index"}\n'

async function* cut(text: string | Uint8Array, size = 7): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.byteLength; at += size) yield bytes.subarray(at, at + size)
}

async function read(text: string | Uint8Array, size?: number): Promise<IndexEntry[]> {
  const entries: IndexEntry[] = []
  for await (const entry of readIndex(cut(text, size))) entries.push(entry)
  return entries
}

const file = (given: object) =>
  `${HEAD}${JSON.stringify({ path: 'a', type: 'file', size: 1, name: 'x.age', cid: cid.toString(), ...given })}\n`

describe('times', () => {
  it('are exact to the nanosecond, for any time a file may have', () => {
    const secs = fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n })
    fc.assert(
      fc.property(
        fc.oneof(secs, fc.bigInt({ min: -(10n ** 11n), max: 4n * 10n ** 11n })),
        fc.integer({ min: 0, max: 999_999_999 }),
        (s, nsecs) => {
          expect(timeOf(timeText({ secs: s, nsecs }))).toEqual({ secs: s, nsecs })
        },
      ),
    )
  })

  it('are what touch takes', () => {
    expect(timeText({ secs: 1_700_000_000n, nsecs: 5 })).toBe('2023-11-14T22:13:20.000000005Z')
    expect(timeText({ secs: -1n })).toBe('1969-12-31T23:59:59.000000000Z')
    expect(timeText({ secs: 253_402_300_800n, nsecs: 1 })).toBe('@253402300800.000000001')
    expect(timeText({ secs: -62_167_219_201n, nsecs: 250_000_000 })).toBe('@-62167219200.750000000')
  })
})

describe('an index', () => {
  it('comes back as it was, however it is cut, with blank lines between', async () => {
    const entries: IndexEntry[] = [
      { path: '', type: 'directory', mode: 0o40755 & 0o7777, mtime: { secs: 5n, nsecs: 7 } },
      {
        path: 'a "b"\n\u2028',
        type: 'file',
        size: 12,
        padded: 13,
        mode: 0o4644,
        name: 'x.age',
        cid,
        uid: 0,
        gid: 65_534,
        xattrs: { 'user.a': Uint8Array.of(0, 255) },
      },
      { path: 'link', type: 'symlink', target: '../\n"out"' },
    ]
    const text = `${indexHead()}${entries.map(indexLine).join('\n')}\n\n`
    for (const size of [1, 2, 31, 100_000]) {
      const found = await read(text, size)
      expect(found.map((entry) => JSON.parse(indexLine(entry)))).toEqual(entries.map((entry) => JSON.parse(indexLine(entry))))
      expect(found[1]?.cid?.equals(cid)).toBe(true)
      expect(found[1]?.xattrs?.['user.a']).toEqual(Uint8Array.of(0, 255))
    }
  })

  it.each([
    ['nothing', ''],
    ['no head', file({}).slice(HEAD.length)],
    ['no line feed at its end', file({}).slice(0, -1)],
    ['no JSON', `${HEAD}{"path\n`],
    ['an array', `${HEAD}[]\n`],
    ['an unknown type', file({ type: 'fifo' })],
    ['a path that climbs', file({ path: '../a' })],
    ['a path that climbs in the middle', file({ path: 'a/../../b' })],
    ['an absolute path', file({ path: '/etc/passwd' })],
    ['a path with NUL', file({ path: 'a\0b' })],
    ['an empty segment', file({ path: 'a//b' })],
    ['no path', file({ path: 7 })],
    ['no size', file({ size: undefined })],
    ['a negative size', file({ size: -1 })],
    ['no name', file({ name: undefined })],
    ['a CID that is none', file({ cid: 'bafy' })],
    ['a symlink without a target', file({ type: 'symlink' })],
    ['a mode in decimal', file({ mode: 420 })],
    ['a mode that is none', file({ mode: '0999' })],
    ['a time without a zone', file({ mtime: '2020-01-01T00:00:00.000000000' })],
    ['a time in milliseconds', file({ mtime: '2020-01-01T00:00:00.000Z' })],
    ['an owner that is none', file({ uid: 'root' })],
    ['attributes that are none', file({ xattrs: { a: 1 } })],
  ])('with %s is malformed', async (_, text) => {
    await expect(read(text)).rejects.toMatchObject({ code: 'malformed' })
  })

  it('of a later version, or with an endless line, is refused', async () => {
    await expect(read('{"version":2,"kind":"perdure-index"}\n')).rejects.toMatchObject({ code: 'unsupported' })
    await expect(read(Buffer.alloc(5 * 1024 * 1024, 'x'), 65_536)).rejects.toMatchObject({ code: 'limit' })
  })

  it('never quotes in an error what it holds', async () => {
    const error: unknown = await read(`${HEAD}{"path":"my secret diary", broken\n`).catch((thrown: unknown) => thrown)
    expect(String(error)).not.toContain('diary')
    expect(error).not.toHaveProperty('cause')
  })
})

describe('meta', () => {
  it('comes back as it was, and its length says nothing of a short name', () => {
    const meta = {
      name: 'Tagebuch',
      mediaType: 'text/plain',
      type: 'file' as const,
      size: 7,
      padded: 8,
      mode: 0o600,
      mtime: { secs: 9n, nsecs: 1 },
      uid: 1,
      gid: 2,
    }
    expect(decodeMeta(encodeMeta({ ...meta, fingerprint: new Uint8Array(32).fill(5) }))).toEqual({
      ...meta,
      fingerprint: new Uint8Array(32).fill(5),
    })
    expect(encodeMeta({ type: 'file', size: 1, name: 'a' }).byteLength).toBe(
      encodeMeta({ type: 'file', size: 123_456, name: 'a longer name' }).byteLength,
    )
  })

  it.each(['', '{}', '[]', 'null', '{"kind":"perdure-meta","version":1}', '{"kind":"perdure-meta","version":1,"type":"file","size":-1}'])(
    'of %j is malformed',
    (text) => {
      expect(() => decodeMeta(Buffer.from(text))).toThrow(expect.objectContaining({ code: 'malformed' }))
    },
  )
})
