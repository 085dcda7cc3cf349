/** An esbuild plugin: whatever is bundled into dist ships with its licence, in dist/THIRD-PARTY-LICENSES. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Options } from 'tsup'

type Plugin = NonNullable<Options['esbuildPlugins']>[number]

export const thirdPartyLicences: Plugin = {
  name: 'third-party-licences',
  setup(build) {
    build.initialOptions.metafile = true
    build.onEnd(async ({ metafile }) => {
      const packages = packagesOf(Object.keys(metafile?.inputs ?? {}))
      const texts = await Promise.all(packages.map(licenceOf))
      const folder = build.initialOptions.outdir ?? 'dist'
      await mkdir(folder, { recursive: true })
      await writeFile(join(folder, 'THIRD-PARTY-LICENSES'), texts.join(`\n${'-'.repeat(80)}\n\n`))
    })
  },
}

/** The package folders that bundled files come from, sorted, the nested ones too. */
export function packagesOf(inputs: readonly string[]): string[] {
  const folders = inputs.flatMap((input) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1] ?? [])
  return [...new Set(folders)].sort()
}

/** A package without a licence file is named by what its package.json says; one that says nothing breaks the build. */
async function licenceOf(folder: string): Promise<string> {
  const { name, version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Record<string, unknown>
  const files = (await readdir(folder)).filter((file) => /^(licen[cs]e|copying|notice)/i.test(file)).sort()
  if (typeof license !== 'string' && files.length === 0) throw new TypeError(`${folder} is bundled and names no licence`)
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')))
  return `${name} ${version}\nLicence: ${license ?? 'see below'}\n${texts.map((text) => `\n${text.trim()}\n`).join('')}`
}
