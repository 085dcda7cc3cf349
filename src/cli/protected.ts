/** Identity files that a passphrase protects, as `age -p` makes them: an age file whose only recipient is the passphrase. */
import { collect } from '../bytes/collect.ts'
import type { Random } from '../contracts.ts'
import { ConfigError, FormatError } from '../errors.ts'

const ARMOR = '-----BEGIN AGE ENCRYPTED FILE-----'
const BINARY = 'age-encryption.org/'

export interface ProtectOptions {
  readonly random: Random
  /** scrypt's, as a power of two; default what age takes. Lower ones are for tests. */
  readonly workFactor?: number | undefined
}

/** The text as an armored age file that the passphrase opens. */
export async function protect(text: string, passphrase: string, { random, workFactor }: ProtectOptions): Promise<string> {
  const { passphraseRecipient } = await import('../format/recipient-scrypt.ts')
  const { sealFile } = await import('../format/seal.ts')
  const { armor } = await import('age-encryption')
  const recipients = [passphraseRecipient(passphrase, { workFactor })]
  const leaves: Uint8Array[] = []
  for await (const leaf of sealFile(once(Buffer.from(text)), { recipients, random })) leaves.push(leaf)
  return armor.encode(Buffer.concat(leaves))
}

/** Is it an age file, armored or not? */
export function isProtected(bytes: Uint8Array): boolean {
  const head = Buffer.from(bytes.subarray(0, 256)).toString('latin1').trimStart()
  return head.startsWith(ARMOR) || head.startsWith(BINARY)
}

/** The text in a protected file. The passphrase is asked for when one can open the file; a wrong one is `wrong-passphrase`. */
export async function unprotect(bytes: Uint8Array, at: string, ask: () => Promise<string>): Promise<string> {
  const { passphraseIdentity } = await import('../format/recipient-scrypt.ts')
  const { openSealed } = await import('../format/open.ts')
  const { SCRYPT } = await import('../format/recipients.ts')
  let asked = false
  const identity = {
    unwrapFileKey: async (stanzas: Parameters<ReturnType<typeof passphraseIdentity>['unwrapFileKey']>[0]) => {
      if (!stanzas.some(({ args }) => args[0] === SCRYPT)) return null
      const passphrase = await ask()
      asked = true
      return passphraseIdentity(passphrase).unwrapFileKey(stanzas)
    },
  }
  try {
    return Buffer.from(await collect(openSealed(once(new Uint8Array(bytes)), [identity]), bytes.byteLength)).toString()
  } catch (cause) {
    throw cause instanceof FormatError ? unopened(cause, at, asked) : cause
  }
}

function unopened(cause: FormatError, at: string, asked: boolean): ConfigError {
  if (cause.code === 'limit') return new ConfigError('not-an-identity', `${at} is not opened: ${cause.message}`, { cause })
  if (cause.code !== 'no-identity') {
    return new ConfigError('not-an-identity', `${at} is damaged or no file of age; take another copy`, { cause })
  }
  if (asked) return new ConfigError('wrong-passphrase', `the passphrase does not open ${at}; try again`)
  const advice = 'decrypt it with age first, or name an identity file'
  return new ConfigError('not-an-identity', `${at} is an age file that no passphrase opens, it is encrypted for another key; ${advice}`)
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
