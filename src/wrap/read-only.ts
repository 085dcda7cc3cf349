/** Takes the writing out of a vault. */
import type { Vault } from '../contracts.ts'
import { VaultError } from '../errors.ts'

/** The same vault, but put, remove, abandon and renew are denied before it hears of them. A restore is part of reading: `thaw` stays. */
export function readOnly(vault: Vault): Vault {
  const denied = (verb: string) => async () => {
    throw new VaultError('denied', vault.profile.id, `this vault was opened read-only; open it with write access to ${verb}`)
  }
  return {
    ...vault,
    put: denied('put'),
    ...(vault.remove && { remove: denied('remove') }),
    ...(vault.abandon && { abandon: denied('abandon') }),
    ...(vault.renew && { renew: denied('renew') }),
  }
}
