import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createMeter } from '../../src/cli/meter.ts'
import { createProgress } from '../../src/cli/progress.ts'
import { createReporter } from '../../src/cli/reporter.ts'
import { styleFor } from '../../src/cli/style.ts'
import { ArchiveError, VaultError } from '../../src/errors.ts'
import { capture } from './capture.ts'

function setUp(flags: { json?: boolean; quiet?: boolean; isTTY?: boolean; env?: Record<string, string> } = {}) {
  const stdout = capture({ isTTY: flags.isTTY ?? false })
  const stderr = capture({ isTTY: flags.isTTY ?? false })
  const { json = false, quiet = false, env = {} } = flags
  return { stdout, stderr, reporter: createReporter({ json, quiet, stdout, stderr, env, clock: () => 0 }) }
}
const item = { lines: (object: { root: string }) => [object.root] }

describe('the JSON reporter', () => {
  it('streams a list as one document', async () => {
    const { reporter, stdout } = setUp({ json: true })
    const list = reporter.list<{ root: string }>('objects', { level: 'sampled' }, item)
    await list.item({ root: 'a' })
    await list.item({ root: 'b' })
    await list.end({ state: 'damaged' })
    expect(JSON.parse(stdout.text())).toEqual({ level: 'sampled', objects: [{ root: 'a' }, { root: 'b' }], state: 'damaged' })
  })

  it('closes an empty list', async () => {
    const { reporter, stdout } = setUp({ json: true })
    await reporter.list('objects', {}, item).end({})
    expect(JSON.parse(stdout.text())).toEqual({ objects: [] })
  })

  it('keeps the document whole when the work fails in the middle of a list', async () => {
    const { reporter, stdout } = setUp({ json: true })
    await reporter.list<{ root: string }>('objects', {}, item).item({ root: 'a' })
    await reporter.fail(new ArchiveError('unavailable', 'no replica answered'))
    expect(JSON.parse(stdout.text())).toEqual({ objects: [{ root: 'a' }], error: { code: 'unavailable', message: 'no replica answered' } })
  })

  it('gives errors as a document with code and message, and a hint where there is one', async () => {
    const { reporter, stdout, stderr } = setUp({ json: true })
    await reporter.fail(new VaultError('denied', 'b', 'credentials refused'))
    expect(JSON.parse(stdout.text())).toEqual({ error: { code: 'denied', message: 'vault b: credentials refused' } })
    expect(stderr.text()).toBe('')
  })

  it('encodes bytes in base64 however they are cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 7 }), { maxLength: 6 }), async (chunks) => {
        const { reporter, stdout } = setUp({ json: true })
        await reporter.bytes(stream(chunks), { root: 'r' })
        const document = JSON.parse(stdout.text())
        expect(Buffer.from(document.content, 'base64')).toEqual(Buffer.concat(chunks))
        expect(document).toMatchObject({ root: 'r', encoding: 'base64', byteLength: Buffer.concat(chunks).byteLength })
      }),
    )
  })

  it('keeps the document whole when bytes fail half-way', async () => {
    const { reporter, stdout } = setUp({ json: true })
    const failing = async function* () {
      yield new Uint8Array(9)
      throw new VaultError('damaged', 'b', 'wrong bytes')
    }
    const error = await reporter.bytes(failing(), { root: 'r' }).catch((reason: unknown) => reason)
    await reporter.fail(error)
    expect(JSON.parse(stdout.text())).toMatchObject({ root: 'r', error: { code: 'damaged' } })
  })
})

describe('the human reporter', () => {
  it('prints an error as one line with its causes, and never a stack', async () => {
    const { reporter, stdout, stderr } = setUp()
    await reporter.fail(new ArchiveError('unavailable', 'no replica answered', { cause: new VaultError('unreachable', 'b', 'timed out') }))
    expect(stderr.text()).toBe('error: no replica answered\n  because: vault b: timed out\n')
    expect(stdout.text()).toBe('')
  })

  it('adds the stack only when PERDURE_DEBUG asks for it', async () => {
    const { reporter, stderr } = setUp({ env: { PERDURE_DEBUG: '1' } })
    await reporter.fail(new ArchiveError('closed', 'closed'))
    expect(stderr.text()).toMatch(/at .*reporter\.test\.ts/)
  })

  it('lets no escape of a stored name through, even when a command forgot to clean it', async () => {
    const { reporter, stdout } = setUp()
    await reporter.result({}, { lines: () => ['\u001b]0;owned\u0007 \u001b[31mred\u001b[39m'] })
    expect(stdout.text()).toBe('\\u{1b}]0;owned\\u{7} \u001b[31mred\u001b[39m\n')
  })

  it('says nothing when quiet, except what was asked for', async () => {
    const { reporter, stdout, stderr } = setUp({ quiet: true })
    await reporter.note('a note')
    await reporter.result({}, { lines: () => ['long'], quiet: () => ['root'] })
    await reporter.result({}, { lines: () => ['long'] })
    const unasked = reporter.list<{ root: string }>('objects', {}, item)
    await unasked.item({ root: 'a' })
    await reporter.list<{ root: string }>('objects', {}, { ...item, asked: true }).item({ root: 'b' })
    expect(stdout.text()).toBe('root\nb\n')
    expect(stderr.text()).toBe('')
  })

  it('colours a terminal, and nothing with NO_COLOR or without a terminal', () => {
    expect(styleFor({ isTTY: true }, {}).red('x')).toContain('\u001b[')
    expect(styleFor({ isTTY: true }, { NO_COLOR: '1' }).red('x')).toBe('x')
    expect(styleFor({ isTTY: true }, { NO_COLOR: '', TERM: 'dumb' }).red('x')).toBe('x')
    expect(styleFor({ isTTY: false }, {}).red('x')).toBe('x')
    expect(styleFor({ isTTY: false }, { FORCE_COLOR: '1', NO_COLOR: '1' }).red('x')).toBe('x')
  })
})

describe('progress', () => {
  const run = (isTTY: boolean, stepMs: number, columns = 80) => {
    let now = 0
    const output = capture({ isTTY, columns })
    const progress = createProgress({ output, style: styleFor(output, { NO_COLOR: '1' }), clock: () => now })
    progress.phase('reading', 100_000_000)
    for (let step = 0; step < 100; step++) {
      now += stepMs
      progress.advance(1_000_000)
    }
    progress.done()
    return output.text()
  }

  it('redraws one line on a terminal, with rate and time left, and takes it away', () => {
    const text = run(true, 200)
    expect(text).toMatch(/\r\u001b\[2Kreading {2}47\.7 MiB \/ 95\.4 MiB {2}50% {2}4\.8 MiB\/s {2}10\.0 s left/)
    expect(text).not.toContain('\n')
    expect(text.endsWith('\r\u001b[2K')).toBe(true)
  })

  it('never wraps a narrow terminal', () => {
    for (const line of run(true, 200, 40).split('\r\u001b[2K')) expect(line.length).toBeLessThan(40)
  })

  it('is a plain line every ten seconds elsewhere', () => {
    const lines = run(false, 300).trim().split('\n')
    expect(lines).toHaveLength(2)
    expect(lines[0]).toMatch(/^reading: 32\.4 MiB \/ 95\.4 MiB/)
  })

  it('says nothing of work that is over soon', () => expect(run(false, 1)).toBe(''))

  it('follows a changing rate and knows no end without a total', () => {
    let now = 0
    const meter = createMeter({ clock: () => now })
    for (let step = 0; step < 100; step++) {
      now += 100
      meter.advance(step < 50 ? 100 : 1000)
    }
    expect(meter.rate()).toBeGreaterThan(5000)
    expect(meter.rate()).toBeLessThan(10_000)
    expect(meter.etaMs()).toBeUndefined()
    expect(meter.done).toBe(55_000)
  })
})

async function* stream(chunks: readonly Uint8Array[]): AsyncIterable<Uint8Array> {
  yield* chunks
}
