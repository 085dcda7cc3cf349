/** Opens an S3 vault without keys of its own and says what came of it: the AWS credential chain speaks through the environment of this process. */
import { VaultError } from '../../../src/errors.ts'
import { s3 } from '../../../src/vaults/s3.ts'

const [, , bucket = '', endpoint = ''] = process.argv
const vault = s3({ bucket, endpoint, requestTimeoutMs: 5_000 })
try {
  console.log(JSON.stringify({ labels: (await vault.open?.())?.labels }))
} catch (error) {
  if (!(error instanceof VaultError)) throw error
  console.log(JSON.stringify({ code: error.code, message: error.message }))
} finally {
  await vault.close?.()
}
