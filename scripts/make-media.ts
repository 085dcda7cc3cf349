/** Makes the files of examples/media from nothing but arithmetic, so that they carry nobody's rights: `node scripts/make-media.ts`. */
import { mkdir, writeFile } from 'node:fs/promises'
import { crc32, deflateSync } from 'node:zlib'

const MEDIA = new URL('../examples/media/', import.meta.url)

/** A picture of a coast at dusk: sky, sun, sea with waves, grain over all. */
function coast(width: number, height: number): Buffer {
  const noise = random(2026)
  const rows = Buffer.alloc(height * (1 + width * 3))
  const horizon = height * 0.58
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const sun = Math.exp(-((x - width * 0.62) ** 2 + ((y - horizon * 0.82) * 1.1) ** 2) / (width * 9))
      const wave = y < horizon ? 0 : 0.5 + 0.5 * Math.sin((y - horizon) ** 1.35 * 0.21 + 3 * Math.sin(x * 0.013 + y * 0.05))
      const glow = y < horizon ? y / horizon : 0.75 - (0.55 * (y - horizon)) / (height - horizon)
      const glitter = y < horizon ? 0 : wave ** 6 * Math.exp(-(((x - width * 0.62) / (60 + (y - horizon) * 0.9)) ** 2))
      const grain = (noise() - 0.5) * 9
      const at = y * (1 + width * 3) + 1 + x * 3
      rows[at] = level(40 + 190 * glow + 120 * sun + 110 * glitter - 14 * wave + grain)
      rows[at + 1] = level(36 + 110 * glow + 105 * sun + 90 * glitter - 8 * wave + grain)
      rows[at + 2] = level(88 + 60 * glow + 30 * sun + 40 * glitter + grain)
    }
  }
  return png(rows, width, height)
}

function png(rows: Buffer, width: number, height: number): Buffer {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 2, 0, 0, 0], 8)
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  return Buffer.concat([
    signature,
    pngChunk('IHDR', header),
    pngChunk('IDAT', deflateSync(rows, { level: 9 })),
    pngChunk('IEND', Buffer.alloc(0)),
  ])
}

function pngChunk(type: string, body: Buffer): Buffer {
  const typed = Buffer.concat([Buffer.from(type, 'latin1'), body])
  const frame = Buffer.alloc(8)
  frame.writeUInt32BE(body.byteLength, 0)
  frame.writeUInt32BE(crc32(typed), 4)
  return Buffer.concat([frame.subarray(0, 4), typed, frame.subarray(4)])
}

/** A struck bell: inharmonic partials that die away at their own pace. 16 bit, mono. */
function bell(seconds: number, rate: number): Buffer {
  const partials = [0.56, 0.92, 1.19, 1.71, 2, 2.74, 3, 3.76, 4.07].map((ratio, index) => ({
    ratio,
    decay: 0.6 + index * 0.42,
    gain: 1 / (1 + index),
  }))
  const wav = Buffer.alloc(44 + seconds * rate * 2)
  wav.write('RIFF', 0, 'latin1')
  wav.writeUInt32LE(wav.byteLength - 8, 4)
  wav.write('WAVEfmt ', 8, 'latin1')
  wav.writeUInt32LE(16, 16)
  wav.writeUInt16LE(1, 20)
  wav.writeUInt16LE(1, 22)
  wav.writeUInt32LE(rate, 24)
  wav.writeUInt32LE(rate * 2, 28)
  wav.writeUInt16LE(2, 32)
  wav.writeUInt16LE(16, 34)
  wav.write('data', 36, 'latin1')
  wav.writeUInt32LE(seconds * rate * 2, 40)
  for (let n = 0; n < seconds * rate; n++) {
    const t = n / rate
    const sum = partials.reduce(
      (total, { ratio, decay, gain }) => total + gain * Math.exp(-t * decay) * Math.sin(2 * Math.PI * 220 * ratio * t),
      0,
    )
    wav.writeInt16LE(Math.round(sum * 9000), 44 + n * 2)
  }
  return wav
}

/** Hourly water levels of a year, from the four main constituents of the tide. */
function tides(): string {
  const constituents = [
    { metres: 1.31, hours: 12.4206, phase: 0.3 },
    { metres: 0.42, hours: 12, phase: 1.1 },
    { metres: 0.11, hours: 23.9345, phase: 2 },
    { metres: 0.08, hours: 25.8193, phase: 0.7 },
  ]
  const rows = Array.from({ length: 365 * 24 }, (_, hour) => {
    const level = constituents.reduce((sum, { metres, hours, phase }) => sum + metres * Math.cos((2 * Math.PI * hour) / hours - phase), 2.4)
    return `${new Date(Date.UTC(2025, 0, 1, hour)).toISOString()},${level.toFixed(3)}`
  })
  return `time,level_m\n${rows.join('\n')}\n`
}

const NOTES = `Field notes, day 3

The bell on the outer buoy was struck at 06:10, twice, then nothing until the tide turned.
Recorded it (bell.wav), drew the light on the water (coast.png), copied the gauge (water levels.csv).
Keep two copies, on two disks, and read both again every month.
`

function level(value: number): number {
  return Math.max(0, Math.min(255, Math.round(value)))
}

/** xorshift32: the same grain on every machine. */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}

await mkdir(new URL('expedition/Küste – dag 3/', MEDIA), { recursive: true })
await writeFile(new URL('coast.png', MEDIA), coast(1160, 725))
await writeFile(new URL('expedition/bell.wav', MEDIA), bell(6, 22_050))
await writeFile(new URL('expedition/water levels.csv', MEDIA), tides())
await writeFile(new URL('expedition/Küste – dag 3/notes.txt', MEDIA), NOTES)
await writeFile(
  new URL('README.txt', MEDIA),
  'Made by scripts/make-media.ts from arithmetic alone; dedicated to the public domain (CC0 1.0).\n',
)
