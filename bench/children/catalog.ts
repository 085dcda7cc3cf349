/** The catalog's figures in a process of their own: `node catalog BENCH COUNT` prints the rows as JSON. */
const [, , bench = '', count = ''] = process.argv
const { run } = (await import(bench)) as typeof import('../catalog.ts')
const { rows } = await run(Number(count))
process.stdout.write(JSON.stringify(rows))
