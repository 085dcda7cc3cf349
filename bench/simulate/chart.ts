/** The survival of archives as an SVG that can be read on white and on black. Same numbers, same bytes. */
import type { Survival } from './compare.ts'

const WIDTH = 760
const HEIGHT = 380
const LEFT = 56
const RIGHT = 24
const TOP = 44
const BOTTOM = 92
const PLOT = { width: WIDTH - LEFT - RIGHT, height: HEIGHT - TOP - BOTTOM }

/** Colours that keep their distance from both backgrounds; each line has a dash of its own, for those who do not see colours. */
const LINES = [
  { colour: '#2e9f6b', dash: '' },
  { colour: '#d9822b', dash: '9 5' },
  { colour: '#c2456b', dash: '2 5' },
]

const STYLE = [
  'text{font:13px system-ui,-apple-system,"Segoe UI",sans-serif;fill:#24292f}',
  '.title{font-size:15px;font-weight:600}',
  '.grid{stroke:#8c959f;stroke-opacity:.35;stroke-width:1}',
  '.note{font-size:12px;fill:#57606a}',
  '@media (prefers-color-scheme:dark){text{fill:#e6edf3}.note{fill:#9da7b1}}',
].join('')

/** Draws how many percent of the objects are left after each year. */
export function chartOf(survivals: readonly Survival[], { title, note }: { readonly title: string; readonly note: string }): string {
  const years = Math.max(1, ...survivals.map(({ left }) => left.length - 1))
  const x = (year: number) => round(LEFT + (PLOT.width * year) / years)
  const y = (share: number) => round(TOP + PLOT.height * (1 - share))
  const grid = [0, 0.25, 0.5, 0.75, 1].flatMap((share) => [
    `<line class="grid" x1="${LEFT}" y1="${y(share)}" x2="${WIDTH - RIGHT}" y2="${y(share)}"/>`,
    `<text x="${LEFT - 8}" y="${y(share) + 4}" text-anchor="end">${share * 100} %</text>`,
  ])
  const ticks = Array.from(
    { length: years + 1 },
    (_, year) => `<text x="${x(year)}" y="${TOP + PLOT.height + 20}" text-anchor="middle">${year}</text>`,
  )
  const lines = survivals.map(({ left, objects }, index) => {
    const points = left.map((count, year) => `${x(year)},${y(count / objects)}`).join(' ')
    return `<polyline points="${points}" fill="none" ${strokeOf(index)}/>`
  })
  const legend = survivals.flatMap(({ name, left, objects }, index) => {
    const row = TOP + PLOT.height + 42 + Math.floor(index / 2) * 20
    const column = LEFT + (index % 2) * (PLOT.width / 2)
    return [
      `<line x1="${column}" y1="${row - 4}" x2="${column + 34}" y2="${row - 4}" ${strokeOf(index)}/>`,
      `<text x="${column + 42}" y="${row}">${escaped(`${name}: ${left.at(-1)} of ${objects} left`)}</text>`,
    ]
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escaped(`${title}. ${note}`)}">`,
    `<style>${STYLE}</style>`,
    `<text class="title" x="${LEFT}" y="24">${escaped(title)}</text>`,
    ...grid,
    ...ticks,
    ...lines,
    ...legend,
    `<text class="note" x="${WIDTH - RIGHT}" y="${HEIGHT - 10}" text-anchor="end">${escaped(note)}</text>`,
    '</svg>',
    '',
  ].join('\n')
}

function strokeOf(index: number): string {
  const { colour, dash } = LINES[index % LINES.length] ?? { colour: '#888888', dash: '' }
  return `stroke="${colour}" stroke-width="2.5" stroke-linejoin="round"${dash === '' ? '' : ` stroke-dasharray="${dash}"`}`
}

const round = (value: number): number => Math.round(value * 10) / 10

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
