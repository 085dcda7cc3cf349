const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 22 || (major === 22 && minor < 18)) {
  throw new Error(
    `tests need Node >= 22.18, this is ${process.versions.node}: run them with \`npm test\`, which brings its own Node (install scripts must be on)`,
  )
}
