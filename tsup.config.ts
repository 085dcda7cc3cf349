import { defineConfig } from 'tsup'
import { thirdPartyLicences } from './scripts/third-party-licences.ts'

const library = { index: 'src/index.ts', 'conformance/index': 'src/conformance/index.ts', 'wrap/index': 'src/wrap/index.ts' }

export default defineConfig({
  entry: { ...library, 'cli/bin': 'src/cli/bin.ts' },
  format: 'esm',
  target: 'node22',
  platform: 'node',
  splitting: true,
  sourcemap: false,
  clean: true,
  dts: { entry: library },
  // Packages of hundreds of small files: bundled, opening an archive takes less than half the time. What they import in turn comes along.
  noExternal: [/^kysely/, /^ipfs-unixfs/, /^@ipld\/dag-pb/, /^@multiformats\/murmur3/],
  esbuildPlugins: [thirdPartyLicences],
})
