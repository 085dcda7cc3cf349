#!/usr/bin/env node
// Nothing is imported statically: older Nodes fail on syntax, or segfault in a native addon, before they could say what is wrong.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)

if (major < 22 || (major === 22 && minor < 18)) {
  process.stderr.write(
    `perdure needs Node 22.18 or newer, this is Node ${process.versions.node} (${process.execPath}).\n` +
      'In a checkout, `npm exec -- perdure …` brings Node 24 along; elsewhere install a current Node from https://nodejs.org.\n',
  )
  process.exitCode = 1
} else {
  import('./main.ts').then(
    async ({ main }) => {
      process.exitCode = await main(process.argv.slice(2), { packageFile: new URL('../../package.json', import.meta.url) })
    },
    (error: unknown) => {
      process.stderr.write(`error: perdure could not start: ${error instanceof Error ? error.message : String(error)}\n`)
      process.exitCode = 1
    },
  )
}

export {}
