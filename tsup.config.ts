import { defineConfig } from 'tsup'
import { thirdPartyLicences } from './scripts/third-party-licences.ts'

const library = {
  index: 'src/index.ts',
  s3: 'src/s3.ts',
  ipfs: 'src/ipfs.ts',
  arweave: 'src/arweave.ts',
  commp: 'src/commp.ts',
  filecoin: 'src/filecoin.ts',
  server: 'src/server.ts',
  'conformance/index': 'src/conformance/index.ts',
  'wrap/index': 'src/wrap/index.ts',
}

export default defineConfig({
  entry: { ...library, 'cli/bin': 'src/cli/bin.ts' },
  format: 'esm',
  target: 'node22',
  platform: 'node',
  splitting: true,
  sourcemap: false,
  clean: true,
  dts: { entry: library },
  // What is no dependency in package.json is bundled: kysely and the UnixFS importer are hundreds of small files, and opening an
  // archive takes less than half the time without looking for each of them.
  esbuildPlugins: [thirdPartyLicences],
})
