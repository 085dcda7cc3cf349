import { defineConfig } from 'vitest/config'

/** `npm test` needs npm packages alone; `test/peers/run.sh` sets PERDURE_PEERS and runs the tests that talk to real third-party servers and tools. */
const peers = process.env.PERDURE_PEERS === '1'

export default defineConfig({
  test: {
    include: peers ? ['test/peers/**/*.test.ts'] : ['test/**/*.test.ts'],
    exclude: peers ? ['node_modules/**'] : ['test/peers/**', 'node_modules/**', 'dist/**'],
    setupFiles: ['test/setup.ts'],
    reporters: ['default', './test/reporter.ts'],
    testTimeout: 30_000,
    maxWorkers: 2,
  },
})
