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
      const texts = [...new Set(await Promise.all(packages.map(licenceOf)))]
      texts.push(await readFile(new URL('../LICENSE-APACHE', import.meta.url), 'utf8'), ISC)
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

/**
 * Many packages name a licence and ship no text of it. They are named with their authors, and the texts follow at the end: Apache-2.0, which all
 * of those under `Apache-2.0 OR MIT` are used under, and ISC. One under anything else without a text breaks the build.
 */
async function licenceOf(folder: string): Promise<string> {
  const { name, version, license, author, repository } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Record<
    string,
    unknown
  >
  const files = (await readdir(folder)).filter((file) => /^(licen[cs]e|copying|notice)/i.test(file)).sort()
  const covered = license === 'ISC' || /\bApache-2\.0\b/.test(String(license))
  if (files.length === 0 && !covered) throw new TypeError(`${name} is bundled and ships no text of its licence, ${license}`)
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')))
  const by = [author, repository].map((value) => textOf(value)).filter((text) => text !== '')
  return `${name} ${version}\nLicence: ${license ?? 'see below'}\n${by.join('\n')}\n${texts.map((text) => `\n${text.trim()}\n`).join('')}`
}

/** package.json holds people and places as text or as an object. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value !== 'object' || value === null) return ''
  const { name, url } = value as { readonly name?: unknown; readonly url?: unknown }
  return [name, url].filter((part) => typeof part === 'string').join(' ')
}

const ISC = `ISC License

Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted, provided that the above
copyright notice and this permission notice appear in all copies.

THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF
MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR ANY SPECIAL, DIRECT, INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES
WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF OR IN
CONNECTION WITH THE USE OR PERFORMANCE OF THIS SOFTWARE.
`
