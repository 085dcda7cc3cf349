/** The post-quantum recipients of age, `age1pq…` and `AGE-SECRET-KEY-PQ-1…`: age-encryption does the work, loaded when it is first needed. */
import { FormatError } from '../errors.ts'
import { decodeBech32 } from './bech32.ts'
import { HYBRID, type Identity, type Recipient } from './recipients.ts'

const RECIPIENT_PREFIX = 'age1pq'
const IDENTITY_PREFIX = 'age-secret-key-pq-'
const RECIPIENT_BYTES = 1216
const IDENTITY_BYTES = 32

/** An identity that can say whom to seal for. */
export interface HybridIdentity extends Identity {
  /** The recipient that belongs to it, `age1pq…`. */
  recipient(): Promise<string>
}

/** Undefined when the text is no post-quantum recipient. It draws its randomness from the runtime, not from what is passed in. */
export function hybridRecipient(text: string): Recipient | undefined {
  const decoded = decodeBech32(text)
  if (decoded?.prefix !== RECIPIENT_PREFIX || decoded.bytes.byteLength !== RECIPIENT_BYTES || text !== text.toLowerCase()) return undefined
  let ready: Promise<Recipient> | undefined
  return {
    text,
    type: HYBRID,
    async wrapFileKey(fileKey, random) {
      ready ??= loadRecipient(text)
      return (await ready).wrapFileKey(fileKey, random)
    },
  }
}

/** Undefined when the text is no post-quantum identity. */
export function hybridIdentity(text: string): HybridIdentity | undefined {
  const decoded = decodeBech32(text)
  if (decoded?.prefix !== IDENTITY_PREFIX || decoded.bytes.byteLength !== IDENTITY_BYTES || text !== text.toUpperCase()) return undefined
  let ready: Promise<Identity> | undefined
  return {
    recipient: async () => (await import('age-encryption')).identityToRecipient(text),
    async unwrapFileKey(stanzas) {
      if (!stanzas.some(({ args }) => args[0] === HYBRID)) return null
      ready ??= loadIdentity(text)
      const identity = await ready
      try {
        return await identity.unwrapFileKey(stanzas)
      } catch (cause) {
        throw new FormatError('malformed', 'a post-quantum stanza of the header is broken; the file was not made by age', { cause })
      }
    },
  }
}

// age-encryption exports neither class: an Encrypter or Decrypter makes the object, and holds it in a field.

async function loadRecipient(text: string): Promise<Recipient> {
  const { Encrypter } = await import('age-encryption')
  const encrypter = new Encrypter()
  encrypter.addRecipient(text)
  const [made]: unknown[] = Reflect.get(encrypter, 'recipients') ?? []
  if (isObject(made) && 'wrapFileKey' in made) return made as unknown as Recipient
  throw unknownVersion()
}

async function loadIdentity(text: string): Promise<Identity> {
  const { Decrypter } = await import('age-encryption')
  const decrypter = new Decrypter()
  decrypter.addIdentity(text)
  const [made]: unknown[] = Reflect.get(decrypter, 'identities') ?? []
  if (isObject(made) && 'unwrapFileKey' in made) return made as unknown as Identity
  throw unknownVersion()
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

const unknownVersion = () =>
  new FormatError('unsupported', 'post-quantum recipients need age-encryption 0.3; install the version that package.json asks for')
