import { describe, expect, it } from 'vitest'
import { openCheckpoint, originOf, signCheckpoint } from '../../../src/format/checkpoint.ts'
import { checksRoot } from '../../../src/format/checks-root.ts'
import { canonicalJson, decodeEntry } from '../../../src/format/log-entry.ts'
import { EMPTY_ROOT, leafHash, rootOver } from '../../../src/format/merkle.ts'
import { keyIdOf, openNote, signNote, verifierKey } from '../../../src/format/note.ts'
import { keyFromSeed } from '../../../src/format/sign.ts'

const key = await keyFromSeed(new Uint8Array(32).fill(7))
const other = await keyFromSeed(new Uint8Array(32).fill(8))
const root = leafHash(Buffer.from('x'))
const name = originOf(key.publicKey)
const code = (work: Promise<unknown>) =>
  work.then(
    () => 'opened',
    (error: { code?: string }) => error.code,
  )

describe('a checkpoint', () => {
  it('comes back as it was signed, and is the same bytes each time', async () => {
    const note = await signCheckpoint({ size: 12, root }, key)
    expect(await signCheckpoint({ size: 12, root }, key)).toBe(note)
    expect(note).toMatch(/^perdure\/z6Mk\w+\n12\n[\w+/]{43}=\n\n— perdure\/z6Mk\w+ [\w+/]{91}=\n$/)
    expect(await openCheckpoint(note, key.publicKey)).toEqual({ size: 12, root: new Uint8Array(root) })
  })

  it('does not open with any byte changed, or one less at either end', async () => {
    const note = Buffer.from(await signCheckpoint({ size: 12, root }, key))
    const opened: string[] = []
    for (let at = 0; at < note.length; at++) {
      for (const bit of [1, 2, 32, 128]) {
        const bent = Buffer.from(note)
        bent[at] = (bent[at] ?? 0) ^ bit
        if ((await code(openCheckpoint(bent.toString(), key.publicKey))) === 'opened') opened.push(`${at} ${bit}`)
      }
    }
    expect(opened).toEqual([])
    expect(await code(openCheckpoint(note.subarray(1).toString(), key.publicKey))).not.toBe('opened')
    expect(await code(openCheckpoint(note.subarray(0, -1).toString(), key.publicKey))).not.toBe('opened')
  })

  it('opens with signatures of others beside ours, and with lines that later versions add', async () => {
    const mine = await signCheckpoint({ size: 12, root }, key)
    const witness = (await signNote(`${mine.split('\n\n')[0]}\n`, other, 'witness.example/w')).split('\n\n')[1]
    expect(await openCheckpoint(`${mine}${witness}`, key.publicKey)).toMatchObject({ size: 12 })
    const text = `${name}\n12\n${Buffer.from(root).toString('base64')}\nmore\n`
    expect(await openCheckpoint(await signNote(text, key, name), key.publicKey)).toMatchObject({ size: 12 })
  })

  it('does not open when it is another’s, or signed over anything but size and root in their one spelling', async () => {
    const encoded = Buffer.from(root).toString('base64')
    const signed = (text: string) => signNote(text, key, name).then((note) => openCheckpoint(note, key.publicKey))
    expect(await code(openCheckpoint(await signCheckpoint({ size: 12, root }, other), key.publicKey))).toBe('bad-signature')
    for (const text of [
      `${originOf(other.publicKey)}\n12\n${encoded}\n`,
      `${name}\n012\n${encoded}\n`,
      `${name}\n-1\n${encoded}\n`,
      `${name}\n1e3\n${encoded}\n`,
      `${name}\n99999999999999999999\n${encoded}\n`,
      `${name}\n12\n${encoded.slice(0, -1)}\n`,
      `${name}\n12\n${encoded.slice(4)}\n`,
      `${name}\n12\n\n`,
      `${name}\n0\n${encoded}\n`,
      `${name}\n12\n`,
      'hello\n',
    ])
      expect(await code(signed(text)), JSON.stringify(text)).toBe('malformed')
    expect(await openCheckpoint(await signCheckpoint({ size: 0, root: EMPTY_ROOT }, key), key.publicKey)).toMatchObject({ size: 0 })
  })

  it('is refused when it is not a note at all, or far too long', async () => {
    for (const note of ['', '\n', '\n\n', 'a\n\n', 'a\n\nb\n', `a\n\n— ${name} AAAA\n`, `a\n\n— ${name} !\n`, `a\u0000\n\n— n AAAAAAA=\n`])
      expect(await code(openNote(note, { name, publicKey: key.publicKey })), JSON.stringify(note)).toBe('malformed')
    expect(await code(openNote(`${'a'.repeat(70_000)}\n\n— n AAAAAAA=\n`, { name, publicKey: key.publicKey }))).toBe('limit')
    expect(await code(openNote(`a\n\n${'— n AAAAAAA=\n'.repeat(65)}`, { name, publicKey: key.publicKey }))).toBe('limit')
    const two = await signNote('a\n', key, name)
    const forged = `${two}— ${name} ${Buffer.concat([keyIdOf({ name, publicKey: key.publicKey }), new Uint8Array(64)]).toString('base64')}\n`
    expect(await code(openNote(forged, { name, publicKey: key.publicKey })), 'one of ours that does not hold').toBe('bad-signature')
    expect(verifierKey({ name: 'n', publicKey: key.publicKey })).toMatch(/^n\+[0-9a-f]{8}\+A[Q-f]/)
  })
})

describe('a log entry', () => {
  it('has one spelling', () => {
    expect(canonicalJson({ b: [1, true, null, 'ä\n"'], a: { d: undefined, c: 2 ** 53 - 1 } })).toBe(
      '{"a":{"c":9007199254740991},"b":[1,true,null,"ä\\n\\""]}',
    )
    for (const wrong of [0.5, -0, Number.NaN, 2 ** 53, '\ud800', Symbol('x'), 1n, () => 1]) expect(() => canonicalJson({ wrong })).toThrow()
  })

  it('is not read in any other', () => {
    const text = '{"at":"2026-01-01T00:00:00.000Z","kind":"remove","root":"x","version":1}'
    expect(decodeEntry(Buffer.from(text))).toMatchObject({ kind: 'remove' })
    for (const wrong of [
      ` ${text}`,
      text.replace(':', ': '),
      text.replace('1}', '1.0}'),
      text.replace('{', '{"a":1,"a":1,'),
      text.slice(1),
      '[]',
      '"x"',
      'null',
      `${text}\n`,
      text.replace('"kind":"remove",', ''),
    ])
      expect(() => decodeEntry(Buffer.from(wrong)), wrong).toThrow(/not a log entry/)
    expect(() => decodeEntry(Uint8Array.of(0xff, 0xfe))).toThrow(/not a log entry/)
  })
})

it('the checks of an audit cycle have the root of a tree over their canonical JSON', () => {
  const checks = Array.from({ length: 11 }, (_, index) => ({ vault: 'a', ordinal: index, verdict: 'intact' }))
  const tree = checksRoot()
  expect(tree.root()).toBe(Buffer.from(EMPTY_ROOT).toString('base64'))
  for (const check of checks) tree.add(check)
  expect(tree.count).toBe(11)
  const expected = rootOver(checks.map(({ ordinal }) => leafHash(Buffer.from(`{"ordinal":${ordinal},"vault":"a","verdict":"intact"}`))))
  expect(tree.root()).toBe(Buffer.from(expected).toString('base64'))
})
