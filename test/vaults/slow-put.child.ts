/** Puts a pack whose body stops half-way and never goes on; somebody kills this process then. */
import { samplePack } from '../../src/conformance/fixture.ts'
import { directory } from '../../src/vaults/directory.ts'

const [, , at = ''] = process.argv
const vault = directory({ at })
await vault.open?.()
const pack = await samplePack({ seed: 'killed', blocks: 6, blockLength: 1024 * 1024 })
await vault.put({
  ...pack,
  open: async function* () {
    yield pack.bytes.slice(0, 5 * 1024 * 1024)
    console.log('half-way')
    await new Promise((resolve) => setTimeout(resolve, 60_000))
    yield pack.bytes.slice(5 * 1024 * 1024)
  },
})
