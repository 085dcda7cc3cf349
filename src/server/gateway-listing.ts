/** A directory as a page: names, and nothing that runs. */
import type { ServedChild } from '../contracts.ts'

/** Changes when the page does. */
export const LISTING_VERSION = 1
const MOST_ENTRIES = 10_000

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

export function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (char) => ESCAPES[char] ?? char).replace(/[\u0000-\u001f\u007f\u202a-\u202e\u2066-\u2069]/g, '\ufffd')
}

/** `path` ends in a slash; its names are decoded. At most 10,000 entries are shown. */
export async function listingOf(
  { cid, path }: { readonly cid: string; readonly path: readonly string[] },
  children: AsyncIterable<ServedChild>,
): Promise<string> {
  const rows: string[] = []
  let more = ''
  if (path.length > 0) rows.push('<li><a href="../">..</a></li>')
  for await (const { name, cid: below } of children) {
    if (rows.length >= MOST_ENTRIES) {
      more = `<p>There are more; only ${MOST_ENTRIES} are shown.</p>`
      break
    }
    // The dot keeps a name with a colon from being read as a scheme.
    rows.push(`<li><a href="./${escaped(encodeURIComponent(name.toWellFormed()))}">${escaped(name)}</a> <small>${below}</small></li>`)
  }
  const title = escaped(`/ipfs/${[cid, ...path].join('/')}`)
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title></head>
<body><h1>${title}</h1>
<ul>
${rows.join('\n')}
</ul>
${more}</body></html>
`
}
