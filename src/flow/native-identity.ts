/** The one place that turns a secret key into something that unwraps file keys. */
import type { Identity } from 'age-encryption'

/** `secret` was checked. It lives in the closure, so that an object that is printed does not show it. */
export async function nativeIdentity(secret: string): Promise<Identity> {
  const { Decrypter } = await import('age-encryption')
  const decrypter = new Decrypter()
  decrypter.addIdentity(secret)
  return { unwrapFileKey: (stanzas) => (decrypter as unknown as Identity).unwrapFileKey(stanzas) }
}
