/**
 * The cases every vault and every wrapper must pass. They are plain data and know no test runner:
 *
 * ```ts
 * for (const { name, needs, wants, run } of vaultCases)
 *   it.skipIf((needs && !vault[needs]) || (wants && !context[wants]))(name, () => run(context))
 * ```
 */
import type { VaultCase } from './vault-context.ts'
import { keepCases } from './vault-keep.ts'
import { putCases } from './vault-put.ts'
import { readCases } from './vault-read.ts'
import { removeCases } from './vault-remove.ts'

export type { VaultCase, VaultContext } from './vault-context.ts'

/** Cases may run in any order and all on one vault, one after the other. Skip by declaration (`needs`, `wants`) only. */
export const vaultCases: readonly VaultCase[] = [...readCases, ...putCases, ...removeCases, ...keepCases]
