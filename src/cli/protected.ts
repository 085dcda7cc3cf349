/** Identity files that a passphrase protects, as `age -p` makes them: an age file whose only recipient is the passphrase. */
import { ConfigError } from '../errors.ts'

const ARMOR = '-----BEGIN AGE ENCRYPTED FILE-----'
const BINARY = 'age-encryption.org/'
const HEADER = /^age-encryption\.org\/v1\n-> scrypt \S+ (\d+)\n/
/** The strongest that is opened: 2^20 takes a gigabyte of memory, and a file asks for what it likes. age writes 18. */
const MAX_WORK = 20

/** The text as an armored age file that the passphrase opens. `work` is the scrypt work factor as a power of two; lower ones are for tests. */
export async function protect(text: string, passphrase: string, { work = 18 }: { readonly work?: number } = {}): Promise<string> {
  const { Encrypter, armor } = await import('age-encryption')
  const encrypter = new Encrypter()
  encrypter.setPassphrase(passphrase)
  encrypter.setScryptWorkFactor(work)
  return armor.encode(await encrypter.encrypt(text))
}

/** Is it an age file, armored or not? */
export function isProtected(bytes: Uint8Array): boolean {
  const head = Buffer.from(bytes.subarray(0, 256)).toString('latin1').trimStart()
  return head.startsWith(ARMOR) || head.startsWith(BINARY)
}

/** The text in a protected file. The passphrase is asked for only when it can open the file; a wrong one is `wrong-passphrase`. */
export async function unprotect(bytes: Uint8Array, at: string, ask: () => Promise<string>): Promise<string> {
  const { Decrypter } = await import('age-encryption')
  const file = await withoutArmor(bytes, at)
  checkHeader(file, at)
  const decrypter = new Decrypter()
  decrypter.addPassphrase(await ask())
  const text = await decrypter.decrypt(new Blob([new Uint8Array(file)]).stream()).catch((cause: unknown) => {
    throw new ConfigError(
      'wrong-passphrase',
      `the passphrase does not open ${at}; try again (if you are sure of it, the file is damaged)`,
      { cause },
    )
  })
  try {
    return await new Response(text).text()
  } catch (cause) {
    throw new ConfigError('not-an-identity', `${at} is damaged: the passphrase is right and its content is not; take another copy`, {
      cause,
    })
  }
}

async function withoutArmor(bytes: Uint8Array, at: string): Promise<Uint8Array> {
  const text = Buffer.from(bytes).toString('latin1')
  if (!text.trimStart().startsWith(ARMOR)) return bytes
  const { armor } = await import('age-encryption')
  try {
    return armor.decode(text)
  } catch (cause) {
    throw new ConfigError('not-an-identity', `the armor of ${at} is damaged or cut off; take another copy`, { cause })
  }
}

function checkHeader(file: Uint8Array, at: string): void {
  const work = HEADER.exec(Buffer.from(file.subarray(0, 256)).toString('latin1'))?.[1]
  if (work === undefined) {
    throw new ConfigError(
      'not-an-identity',
      `${at} is an age file that no passphrase opens; it is encrypted for another key: decrypt it with age first, or name an identity file`,
    )
  }
  if (Number(work) > MAX_WORK) {
    throw new ConfigError(
      'not-an-identity',
      `${at} asks for a scrypt work factor of ${work}, at most ${MAX_WORK} is tried; encrypt it anew with age -p`,
    )
  }
}
