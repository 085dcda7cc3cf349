/** Seals a folder for two keys, keeps and verifies it without any, opens it with one of them, and puts it again, which costs nothing. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateX25519Identity, identityToRecipient } from 'age-encryption'
import { ArchiveError, createArchive } from '../src/index.ts'

const work = await mkdtemp(join(tmpdir(), 'perdure-example-'))
try {
  const letters = join(work, 'letters')
  await mkdir(letters)
  await writeFile(join(letters, 'to-mother.txt'), 'Dear mother, …\n')
  await writeFile(join(letters, 'to-the-bank.txt'), 'Dear Sir or Madam, …\n')

  // Keys are age's: `perdure key new` or `age-keygen` make them, too. The second one is for the day when the first is lost, and is kept elsewhere.
  const identity = await generateX25519Identity()
  const recovery = await generateX25519Identity()
  const recipients = [await identityToRecipient(identity), await identityToRecipient(recovery)]
  const path = join(work, 'archive')

  await using writer = await createArchive({ path, recipients })
  const { root, visibility } = await writer.put(letters)
  console.log(`stored ${visibility} as ${root}`)
  console.log(`verified without a key: ${(await writer.verify(root, { level: 'whole' })).replicas[0]?.verdict}`)
  try {
    for await (const entry of writer.entries(root)) console.log(entry.path)
  } catch (error) {
    if (error instanceof ArchiveError) console.log(`listed without a key: ${error.code}`)
  }

  await using reader = await createArchive({ path, identities: [recovery] })
  for await (const { path, byteLength } of reader.entries(root)) if (path !== '') console.log(`${path}, ${byteLength} bytes`)
  await reader.restore(root, join(work, 'restored'))
  console.log(`restored: ${(await readFile(join(work, 'restored', 'to-mother.txt'), 'utf8')).trim()}`)

  await writeFile(join(letters, 'to-a-friend.txt'), 'Dear friend, …\n')
  const again = await writer.put(letters, {
    onProgress: (event) => {
      if (event.type === 'sealed') console.log(`put again: ${event.reusedFiles} files were known and not stored again`)
    },
  })
  console.log(`another root: ${again.root !== root}`)
} finally {
  await rm(work, { recursive: true, force: true })
}
