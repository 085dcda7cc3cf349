import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { atMost, columns, count, formatBytes, formatDuration, printable, short, width } from '../../src/cli/format.ts'

describe('formatBytes', () => {
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.0 KiB'],
    [1536, '1.5 KiB'],
    [1024 ** 2 - 1, '1.0 MiB'],
    [5 * 1024 ** 4, '5.0 TiB'],
    [Number.MAX_SAFE_INTEGER, '8.0 PiB'],
  ])('shows %d as %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text))
})

describe('formatDuration', () => {
  it.each([
    [850, '850 ms'],
    [4200, '4.2 s'],
    [59_960, '1m 00s'],
    [185_000, '3m 05s'],
    [7_800_000, '2h 10m'],
  ])('shows %d ms as %s', (ms, text) => expect(formatDuration(ms)).toBe(text))
})

describe('printable', () => {
  it('leaves ordinary names of any script as they are', () => {
    for (const name of ['photo 1.tif', 'Ünïcode', '写真', '👩‍🚀.png', 'tab-less']) expect(printable(name)).toBe(name)
  })

  it('shows escapes, newlines, direction overrides and unpaired surrogates instead of sending them', () => {
    expect(printable('a\u001b[2Jb')).toBe('a\\u{1b}[2Jb')
    expect(printable('a\nb')).toBe('a\\nb')
    expect(printable('gpj\u202efdp.exe')).toBe('gpj\\u{202e}fdp.exe')
    expect(printable('\ud800x')).toBe('\\u{d800}x')
    expect(printable('\u009b31m')).toBe('\\u{9b}31m')
  })

  it('never lets a control character through, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(printable(text)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/)
      }),
    )
  })
})

describe('columns', () => {
  it('aligns by what is seen, not by the colours in between', () => {
    const lines = columns([
      ['a', '\u001b[32mok\u001b[39m', 'x'],
      ['long', 'missing', 'y'],
    ])
    expect(lines.map((line) => line.replace(/\u001b\[\d+m/g, ''))).toEqual(['a     ok       x', 'long  missing  y'])
  })

  it('counts a character outside the basic plane once', () => expect(width('👍a')).toBe(2))
})

describe('small words', () => {
  it('counts in singular and plural', () =>
    expect([count(1, 'pack'), count(2, 'pack'), count(0, 'pack')]).toEqual(['1 pack', '2 packs', '0 packs']))
  it('cuts a CID in the middle and nothing that is short', () => {
    expect(short('bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e')).toBe('bafkreifzj…f36n5e')
    expect(short('Qm12')).toBe('Qm12')
  })
  it('says how many lines it left out', () => {
    expect(atMost(2, [1, 2, 3], String)).toEqual(['1', '2', '  … and 1 more; --json lists all'])
    expect(atMost(3, [1, 2, 3], String)).toEqual(['1', '2', '3'])
  })
})
