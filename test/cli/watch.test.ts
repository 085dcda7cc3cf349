import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createArchive } from '../../src/archive.ts'
import { directory } from '../../src/vaults/directory.ts'
import { type Place, place } from './run.ts'

const BIN = fileURLToPath(new URL('../../src/cli/bin.ts', import.meta.url))

/** A folder with two directory vaults and one stored object. */
async function twoVaults(): Promise<Place> {
  const at = await place()
  onTestFinished(() => at[Symbol.asyncDispose]())
  const vaults = ['a', 'b'].map((id) => ({ type: 'directory', id, at: join(at.cwd, id), operator: id }))
  await writeFile(join(at.cwd, 'perdure.json'), JSON.stringify({ vaults }))
  await writeFile(join(at.cwd, 'x'), 'some bytes')
  await at.run(['put', 'x', '--public'])
  return at
}

/** What was stored long ago and is due: the catalog's dates, seen from a month later. */
async function grownOld(at: Place): Promise<void> {
  const vaults = ['a', 'b'].map((id) => directory({ id, at: join(at.cwd, id), operator: id }))
  await using archive = await createArchive({ path: join(at.cwd, '.perdure'), vaults, clock: () => Date.now() - 40 * 86_400_000 })
  for await (const _ of archive.verifyAll());
}

describe('perdure watch --listen', () => {
  it('serves metrics and health while it keeps watch, and ends with it', async () => {
    const at = await twoVaults()
    const child = spawn(process.execPath, [BIN, 'watch', '--json', '--listen', '127.0.0.1:0'], {
      cwd: at.cwd,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    onTestFinished(() => void child.kill('SIGKILL'))
    let url: string | undefined
    for await (const line of createInterface({ input: child.stdout })) {
      const event = JSON.parse(line) as { readonly type: string; readonly url?: string }
      url = event.url ?? url
      if (event.type === 'sleeping') break
    }
    const [metrics, health] = await Promise.all(['metrics', 'health'].map((path) => fetch(`${url}/${path}`)))
    expect([metrics?.status, health?.status]).toEqual([200, 200])
    expect(await metrics?.text()).toMatch(/^perdure_objects\{state="satisfied"\} 1$/m)
    child.kill('SIGINT')
    expect(await once(child, 'exit')).toEqual([0, null])
    await expect(fetch(`${url}/health`)).rejects.toThrow()
  })

  it.each(['0.0.0.0:9464', '192.0.2.1:9464'])('refuses %s, which others can reach', async (address) => {
    const at = await twoVaults()
    const { code, stderr } = await at.run(['watch', '--once', '--listen', address])
    expect([code, stderr]).toEqual([2, expect.stringMatching(/other machines/)])
  })
})

describe('perdure watch --once', () => {
  it('says in one line that nothing was due, and exits by the worst state', async () => {
    const at = await twoVaults()
    const { code, stdout, stderr } = await at.run(['watch', '--once'])
    expect([code, stdout, stderr]).toEqual([
      0,
      expect.stringMatching(/(^|\n)\d{4}-\d\d-\d\d \d\d:\d\dZ {2}satisfied {2}1 object; nothing was due\n$/),
      '',
    ])
  })

  it('finds what was lost, repairs it, and says so', async () => {
    const at = await twoVaults()
    await grownOld(at)
    await rm(join(at.cwd, 'b', 'packs'), { recursive: true })
    const { code, stdout } = await at.run(['watch', '--once'])
    expect(code).toBe(0)
    expect(stdout).toMatch(/repaired {2}\S+ {2}was damaged/)
    expect(stdout).toMatch(/satisfied {2}1 object; 1 audited .*, 1 repaired/)
    expect(await readdir(join(at.cwd, 'b', 'packs'))).toHaveLength(1)
  })

  it('exits 5 for what it may not repair, 4 for what does not answer', async () => {
    const at = await twoVaults()
    await grownOld(at)
    await rm(join(at.cwd, 'b', 'packs'), { recursive: true })
    const held = await at.run(['watch', '--once', '--repairs', '0', '--urgent-repairs', '0'])
    expect([held.code, held.stdout]).toEqual([5, expect.stringMatching(/damaged.*1 waiting for the next cycle/)])
    expect((await at.run(['watch', '--once'])).code).toBe(0)
    await grownOld(at)
    await rm(join(at.cwd, 'b'), { recursive: true })
    const silent = await at.run(['watch', '--once'])
    expect([silent.code, silent.stdout]).toEqual([4, expect.stringMatching(/paused {2}b does not answer; asked again after/)])
    const status = await at.run(['status'])
    expect([status.code, status.stdout]).toEqual([
      4,
      expect.stringMatching(/b .*silent.*does not answer, for a moment, asked again in a moment/),
    ])
  })

  it('with --json prints one document a line, and errors too', async () => {
    const at = await twoVaults()
    const { stdout } = await at.run(['watch', '--once', '--json'])
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(lines.map(({ type }) => type).filter((type) => type !== 'vault-surveyed')).toEqual(['cycle-began', 'cycle-ended', 'watch-ended'])
    expect(lines.at(-2)).toMatchObject({ state: 'satisfied', audited: 0, problems: [] })
    const wrong = await at.run(['watch', '--once', '--json', '--quiet-hours', '22:00-22:00'])
    expect([wrong.code, JSON.parse(wrong.stdout)]).toMatchObject([2, { error: { code: 'invalid' } }])
  })

  it('refuses times that are none as wrong use', async () => {
    const at = await twoVaults()
    for (const args of [
      ['--interval', '5'],
      ['--quiet-hours', '22-6'],
      ['--audits', '-1'],
      ['--time-zone', 'Nowhere', '--quiet-hours', '22:00-06:00'],
    ])
      expect((await at.run(['watch', '--once', ...args])).code, args.join(' ')).toBe(2)
  })
})

it('perdure watch ends on an interruption with a summary and exit code 0', { timeout: 60_000 }, async () => {
  const at = await twoVaults()
  const child = spawn(process.execPath, [BIN, 'watch'], { cwd: at.cwd, stdio: ['ignore', 'pipe', 'pipe'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  let out = ''
  for await (const piece of child.stdout) {
    out += String(piece)
    if (out.includes('next look') && !child.killed) child.kill('SIGINT')
  }
  const [code] = child.exitCode === null ? ((await once(child, 'exit')) as [number]) : [child.exitCode]
  expect([code, out]).toEqual([0, expect.stringMatching(/stopped after 1 cycle; satisfied when last looked at/)])
})

describe('perdure status', () => {
  it('tells what is safe, what each vault last showed, when it is asked next, and whether anybody watches', async () => {
    const at = await twoVaults()
    const first = await at.run(['status'])
    expect(first.code).toBe(0)
    expect(first.stdout).toMatch(/^satisfied {2}1 object/)
    expect(first.stdout).toMatch(/ {2}a {2}2 replicas .* intact {2}shown a moment ago\n/)
    expect(first.stdout).toMatch(/next audit in (1[6-9]|2[0-2]) days · oldest evidence a moment ago · nobody watches yet/)
    await at.run(['watch', '--once'])
    expect((await at.run(['status'])).stdout).toContain('watched a moment ago')
    const { document } = await at.json(['status'])
    expect(document).toMatchObject({
      state: 'satisfied',
      objects: 1,
      openRepairs: 0,
      troubles: [],
      vaults: [
        {
          vault: 'a',
          replicas: expect.any(Number),
          intact: expect.any(Number),
          lost: 0,
          silent: 0,
          unproven: 0,
          packBytes: expect.any(Number),
          lastEvidence: expect.any(String),
        },
        { vault: 'b' },
      ],
      lastCycle: { state: 'satisfied' },
    })
  })

  it('names the worst objects with the reason', async () => {
    const at = await twoVaults()
    await rm(join(at.cwd, 'b', 'packs'), { recursive: true })
    await at.run(['verify'])
    const { code, stdout } = await at.run(['status'])
    expect([code, stdout]).toEqual([5, expect.stringMatching(/damaged {2}baf\S+ {2}x\n.*1 of 2 copies confirmed; b: missing since/)])
    expect(stdout).toMatch(/b {2}2 replicas .*1 intact, 1 lost/)
  })
})
