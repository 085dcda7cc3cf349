/** `node s3-put.child.ts ARCHIVE SOURCE OPTIONS`: puts the file into an S3 vault, in one pack, and prints the receipt. Made to be killed. */
import { createArchive } from '../../src/archive.ts'
import { type S3Options, s3 } from '../../src/vaults/s3.ts'

const [, , path = '', source = '', options = '{}'] = process.argv
const vault = s3(JSON.parse(options) as S3Options)
await using archive = await createArchive({ path, vaults: [vault], policy: { copies: 1, floor: 1 }, maxPackBytes: 2 ** 31 })
process.stdout.write(JSON.stringify(await archive.put(source)))
