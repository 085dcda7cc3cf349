/** Keys made for a test, and a look for them where they must not be. */
import { generateKeyPair, type JsonWebKey } from 'node:crypto'
import { inspect, promisify } from 'node:util'

export type RsaJwk = Record<'kty' | 'n' | 'e' | 'd' | 'p' | 'q' | 'dp' | 'dq' | 'qi', string>

/** Seconds, for 4096 bits: call it in a hook with time. */
export async function rsaJwk(modulusLength: number, publicExponent = 65_537): Promise<RsaJwk> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength, publicExponent })
  return privateKey.export({ format: 'jwk' }) as JsonWebKey as RsaJwk
}

const SECRETS = ['d', 'p', 'q', 'dp', 'dq', 'qi'] as const

/** The private parts of which a piece of twelve characters can be read off the value, however it is shown. */
export function leaked(value: unknown, jwk: RsaJwk): readonly string[] {
  const shown = [
    inspect(value, { depth: 20, showHidden: true, maxStringLength: null, maxArrayLength: null }),
    String(value),
    value instanceof Error ? String(value.stack) : '',
    JSON.stringify(value) ?? '',
  ].join('\n')
  return SECRETS.filter((part) => pieces(jwk[part]).some((piece) => shown.includes(piece)))
}

function pieces(text: string): readonly string[] {
  return Array.from({ length: Math.floor(text.length / 12) }, (_, index) => text.slice(index * 12, index * 12 + 12))
}
