/**
 * What a nightly job does: verify everything, repair what can be repaired, and exit with a code that a monitor understands.
 * Give it the folder of an archive; without one it makes a small archive, damages it, and shows what it would do.
 */
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Archive, createArchive, directory, type ObjectState } from '../src/index.ts'

/** The same codes that `perdure verify` exits with. */
const EXIT: Readonly<Record<ObjectState, number>> = { satisfied: 0, degraded: 3, unknown: 4, damaged: 5, 'at-risk': 6, lost: 6 }

async function nightly(archive: Archive): Promise<number> {
  let worst = 0
  // 95 % sure to catch a loss of one tenth of an object, whatever its size; the whole of it is for a monthly job.
  for await (const report of archive.verifyAll({ level: 'sampled', sample: { confidence: 0.95, loss: 0.1 } })) {
    let { state } = report
    if (state !== 'satisfied') {
      console.log(`${state}: ${report.name ?? report.root}: ${report.missing.map(({ reason }) => reason).join(' ')}`)
      const repaired = await archive.repair(report.root)
      state = repaired.state
      for (const { vault, outcome } of repaired.actions) console.log(`  ${outcome} in ${vault}`)
    }
    worst = Math.max(worst, EXIT[state])
  }
  console.log(`exit ${worst}`)
  return worst
}

const [folder] = process.argv.slice(2)
if (folder !== undefined) {
  await using archive = await createArchive({ path: folder, mustExist: true })
  process.exitCode = await nightly(archive)
} else {
  const work = await mkdtemp(join(tmpdir(), 'perdure-example-'))
  try {
    const vaults = ['disk-a', 'disk-b'].map((id) => directory({ id, at: join(work, id) }))
    await using archive = await createArchive({ path: join(work, 'archive'), vaults })
    await archive.put(new TextEncoder().encode('the ledger of 1923'), { name: 'ledger.txt' })
    for (const name of await readdir(join(work, 'disk-b/packs'))) await rm(join(work, 'disk-b/packs', name), { recursive: true })
    process.exitCode = await nightly(archive)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}
