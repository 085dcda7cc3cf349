import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { place } from './run.ts'

describe('the command line', () => {
  it('shows help and version on standard output and exits 0', async () => {
    await using at = await place()
    expect(await at.run(['--help'])).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('Exit codes: 0 satisfied') })
    expect(await at.run(['--version'])).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) })
    expect((await at.run(['put', '--help'])).code).toBe(0)
  })

  it.each([
    [[]],
    [['bogus']],
    [['put']],
    [['put', '']],
    [['put', 'x', 'y']],
    [['put', 'x', '--profile', 'v9']],
    [['get', 'bafkqaaa']],
    [['get', 'bafkqaaa', '-o', '-']],
    [['verify', '--level', 'hard']],
    [['verify', '--confidence', '0.9']],
    [['verify', '--sample', '3', '--confidence', '0.9', '--loss', '0.1']],
    [['verify', '--level', 'whole', '--sample', '3']],
    [['verify', 'not-a-cid']],
    [['cat', 'bafkqaaa', '--offset', '-1']],
    [['vault']],
    [['ls', '--config', 'nowhere.json']],
  ])('exits 2 on wrong use: perdure %j', async (args) => {
    await using at = await place()
    const { code, stdout, stderr } = await at.run(args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).not.toBe('')
    expect(stderr).not.toMatch(/\n {4}at /)
  })

  it('reports wrong use as a document under --json, wherever the flag stands', async () => {
    await using at = await place()
    for (const args of [
      ['--json', 'put'],
      ['put', '--json'],
      ['bogus', '--json'],
    ]) {
      const { code, stdout, stderr } = await at.run(args)
      expect({ code, stderr }).toEqual({ code: 2, stderr: '' })
      expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'usage', message: expect.any(String), hint: expect.any(String) } })
    }
  })

  it.each([
    ['a file that is not there', ['put', 'nothing'], 'not-found'],
    ['a root nobody knows', ['cat', 'bafkqaaa'], 'unknown-root'],
    ['a receipt of nothing', ['receipt', 'show', 'bafkqaaa'], 'unknown-root'],
  ])('exits 1 with a code for %s', async (_, args, errorCode) => {
    await using at = await place()
    expect(await at.json(args)).toMatchObject({ code: 1, document: { error: { code: errorCode } } })
  })

  it('verifies an empty archive as satisfied', async () => {
    await using at = await place()
    expect(await at.json(['verify'])).toMatchObject({ code: 0, document: { state: 'satisfied', objects: [] } })
  })

  it('reads --config before and after the command, relative to the folder it runs in', async () => {
    await using at = await place()
    await writeFile(join(at.cwd, 'mine.json'), JSON.stringify({ path: 'elsewhere', vaults: [{ type: 'memory', id: 'm' }] }))
    for (const args of [
      ['--config', 'mine.json', 'vault', 'list'],
      ['vault', 'list', '--config', 'mine.json'],
    ]) {
      expect((await at.json(args)).document).toMatchObject({ vaults: [{ id: 'm' }] })
    }
  })

  it('refuses an archive whose vaults are all IPFS, as a matter of configuration', async () => {
    await using at = await place()
    await writeFile(join(at.cwd, 'perdure.json'), JSON.stringify({ vaults: [{ type: 'memory', id: 'm', network: 'ipfs' }] }))
    expect(await at.json(['ls'])).toMatchObject({ code: 2, document: { error: { code: 'unreachable-floor' } } })
  })
})
