/** The door where no optional package is installed. */
import { registerHooks } from 'node:module'

registerHooks({
  resolve(specifier, context, next) {
    if (/^(helia|@helia\/|@libp2p\/)/.test(specifier))
      throw Object.assign(new RangeError(`no package ${specifier}`), { code: 'ERR_MODULE_NOT_FOUND' })
    return next(specifier, context)
  },
})
const { heliaNode } = await import('../../../src/ipfs.ts')
const told = await heliaNode().then(
  () => 'it started',
  (error: unknown) => error,
)
const { name, code, message } = told as { readonly name?: string; readonly code?: string; readonly message?: string }
console.log(JSON.stringify({ name, code, message }))
