import type { Reporter, TestModule } from 'vitest/node'

/** Ends a run with one plain line that any script can read: `N passed, N failed, N skipped`. */
export default class PlainTotals implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const count = { passed: 0, failed: 0, skipped: 0, pending: 0 }
    let broken = 0
    for (const module of modules) {
      if (module.state() === 'failed' && [...module.children.allTests()].every((test) => test.result().state !== 'failed')) broken++
      for (const test of module.children.allTests()) count[test.result().state]++
    }
    process.stdout.write(`${count.passed} passed, ${count.failed + broken} failed, ${count.skipped + count.pending} skipped\n`)
  }
}
