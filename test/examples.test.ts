import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

const EXAMPLES = fileURLToPath(new URL('../examples/', import.meta.url))
const run = promisify(execFile)

/** What each example must say, in this order. */
const SAYS: Readonly<Record<string, readonly RegExp[]>> = {
  'demo.ts': [
    /intact +disk-b intact/,
    /disk-b damaged/,
    /disk-a missing/,
    /repaired.*disk-b/,
    /repaired.*disk-a/,
    /intact +disk-b intact/,
    /identical/,
    /valid/,
    /not valid/,
  ],
  'put-and-get.ts': [/stored 3500000 bytes/, /read 3500000 bytes/, /: last$/m, /the same root, packs shared/, /degraded/],
  'putall-nft.ts': [/token 3 +ipfs:\/\/bafk\w+ +satisfied, receipt valid/, /3 tokens in 1 shared pack/],
  'sealed.ts': [
    /stored sealed as bafy/,
    /verified without a key: intact/,
    /listed without a key: no-identity/,
    /to-mother\.txt, \d+ bytes/,
    /restored: Dear mother/,
    /put again: 2 files were known/,
    /another root: true/,
  ],
  'leave-a-pinning-service.ts': [
    /imported +4 blocks, satisfied, the same root: true/,
    /kept +token\/1\.json, 32 bytes/,
    /service gone +unreachable: nothing stored/,
  ],
  'verify-log.ts': [/holds: 7 entries as signed in checkpoint.txt/, /holds: 4 entries as signed in older.txt/, /^verified: 7 entries$/m],
  'verify-cron.ts': [/damaged: ledger\.txt/, /repaired in disk-b/, /exit 0/],
  'custom-vault.ts': [/^(\d+) of \1 conformance cases hold/m, /satisfied: memory intact, mine intact/],
}

describe('the examples', () => {
  it('are all run here', () => {
    expect(
      readdirSync(EXAMPLES)
        .filter((name) => name.endsWith('.ts'))
        .sort(),
    ).toEqual(Object.keys(SAYS).sort())
  })

  it.each(Object.entries(SAYS))('%s does what it says, without colours into a pipe, and leaves nothing behind', async (name, expected) => {
    const cwd = await mkdtemp(join(tmpdir(), 'perdure-examples-'))
    try {
      const { stdout, stderr } = await run(process.execPath, [join(EXAMPLES, name)], { cwd, env: { PATH: process.env.PATH, TMPDIR: cwd } })
      let rest = stdout
      for (const pattern of expected) {
        const found = pattern.exec(rest)
        expect(found, `${pattern} in\n${rest}`).not.toBeNull()
        rest = rest.slice((found?.index ?? 0) + (found?.[0].length ?? 0))
      }
      expect(stdout).not.toContain('\u001b')
      expect(stderr).toBe('')
      expect(await readdir(cwd)).toEqual([])
    } finally {
      await rm(cwd, { recursive: true, force: true })
    }
  })
})
