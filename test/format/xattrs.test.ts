import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeMeta, encodeMeta } from '../../src/format/sealed-meta.ts'
import { decodeXattrs, encodeXattrs, isKeptXattr, MAX_XATTR_BYTES, MAX_XATTRS_BYTES, xattrsByteLength } from '../../src/format/xattrs.ts'

const bytes = (text: string) => new TextEncoder().encode(text)

const names = fc
  .oneof(
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }),
    fc.constantFrom('user.a', '__proto__', '7', 'constructor', 'user."\n'),
  )
  .filter((name) => !name.includes('\0') && name.isWellFormed() && Buffer.byteLength(name) <= 255)

const attributes = fc
  .uniqueArray(fc.tuple(names, fc.uint8Array({ maxLength: 60 })), { selector: ([name]) => name, maxLength: 6 })
  .map((pairs) => Object.fromEntries(pairs))

describe('extended attributes as text', () => {
  it('come back as they were, whatever they are called', () => {
    fc.assert(
      fc.property(attributes, (xattrs) => {
        const back = decodeXattrs(JSON.parse(JSON.stringify(encodeXattrs(xattrs)))) ?? {}
        expect(Object.keys(back).sort()).toEqual(Object.keys(xattrs).sort())
        for (const [name, value] of Object.entries(xattrs))
          expect([...(Object.getOwnPropertyDescriptor(back, name)?.value ?? [])]).toEqual([...value])
      }),
    )
  })

  it('are the same text in whatever order they were found', () => {
    fc.assert(
      fc.property(attributes, (xattrs) => {
        const reversed = Object.fromEntries(Object.entries(xattrs).reverse())
        expect(JSON.stringify(encodeXattrs(reversed))).toBe(JSON.stringify(encodeXattrs(xattrs)))
      }),
    )
  })

  it('take no more room than is counted', () => {
    fc.assert(
      fc.property(attributes, (xattrs) => {
        const text = Buffer.byteLength(JSON.stringify(encodeXattrs(xattrs)))
        expect(text).toBeLessThanOrEqual(xattrsByteLength(xattrs) + 2)
      }),
    )
  })

  it.each([
    ['no object', 'user.a'],
    ['a list', ['user.a']],
    ['nothing', null],
    ['a value that is no text', { 'user.a': 1 }],
    ['base64 without padding', { 'user.a': 'AA' }],
    ['base64 with spare bits', { 'user.a': 'AB==' }],
    ['base64 of the other alphabet', { 'user.a': '-_-_' }],
    ['base64 with white space', { 'user.a': 'AAAA AAAA' }],
    ['a value over 64 KiB', { 'user.a': Buffer.alloc(MAX_XATTR_BYTES + 1).toString('base64') }],
    ['an empty name', { '': 'AA==' }],
    ['a name with NUL, which the system would cut there', { 'security.capability\0user.a': 'AA==' }],
    ['a name that is no text', { 'user.\ud800': 'AA==' }],
    ['a name of more than 255 bytes', { [`user.${'é'.repeat(126)}`]: 'AA==' }],
  ])('are refused: %s', (_, value) => {
    expect(decodeXattrs(value)).toBeUndefined()
  })

  it('of 64 KiB, empty ones and a name of 255 bytes are read', () => {
    const name = `user.${'é'.repeat(125)}`
    const xattrs = { 'user.big': new Uint8Array(MAX_XATTR_BYTES), [name]: new Uint8Array(0) }
    expect(decodeXattrs(encodeXattrs(xattrs))).toEqual(xattrs)
  })

  it('that are as many as may be fit what is said of a file', () => {
    const value = new Uint8Array(3 * Math.floor((MAX_XATTRS_BYTES - 100) / 4 / 12))
    const xattrs = Object.fromEntries(Array.from({ length: 12 }, (_, at) => [`u${at}`, value]))
    expect(xattrsByteLength(xattrs)).toBeLessThanOrEqual(MAX_XATTRS_BYTES + 200)
    const text = encodeMeta({ type: 'file', size: 1, name: 'x'.repeat(4096), xattrs })
    expect(text.byteLength).toBeLessThan(1024 * 1024)
    expect(decodeMeta(text).xattrs).toEqual(xattrs)
  })

  it('of a wrong form make what is said of a file unreadable', () => {
    const text = JSON.stringify({ version: 1, kind: 'perdure-meta', type: 'file', size: 1, xattrs: { 'user.a': '?' } })
    expect(() => decodeMeta(bytes(text))).toThrow(expect.objectContaining({ code: 'malformed' }))
  })
})

describe('the names that are kept', () => {
  it.each([
    'user.a',
    'user.security.selinux',
    'user.overlay.opaque',
    'system.posix_acl_access',
    'system.posix_acl_default',
    'security.capability',
    'trusted.mine',
    'com.apple.FinderInfo',
    'security',
  ])('are such as %s', (name) => {
    expect(isKeptXattr(name)).toBe(true)
  })

  it.each([
    'security.selinux',
    'security.ima',
    'security.evm',
    'security.SMACK64',
    'security.capability2',
    'security.',
    'system.nfs4_acl',
    'system.posix_acl_access2',
    'system.data',
    'trusted.overlay.opaque',
  ])('are not such as %s', (name) => {
    expect(isKeptXattr(name)).toBe(false)
  })
})
