/** Other people's proofs, good and bad: transparency-dev/merkle, Apache-2.0, read where they lie beside the checkout. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { verifyConsistency, verifyInclusion, verifySubtreeConsistency, verifySubtreeInclusion } from '../../../src/format/merkle-verify.ts'

const folder = fileURLToPath(new URL('../../../../shared/vectors/merkle/testdata/', import.meta.url))
const absent = !existsSync(folder)
if (absent) console.warn(`SKIPPED: Merkle vectors are not at ${folder}; proofs were not checked against them`)

interface Vector {
  readonly wantErr: boolean
  readonly desc: string
  readonly proof: readonly string[] | null
  readonly [field: string]: unknown
}

const bytes = (text: unknown) => new Uint8Array(Buffer.from(String(text ?? ''), 'base64'))

function vectors(kind: string): readonly (readonly [path: string, vector: Vector])[] {
  return readdirSync(join(folder, kind), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.json'))
    .map((path) => [path, JSON.parse(readFileSync(join(folder, kind, path), 'utf8')) as Vector])
}

const checks: Readonly<Record<string, { readonly count: number; readonly check: (vector: Vector) => boolean }>> = {
  inclusion: {
    count: 98,
    check: (v) =>
      verifyInclusion({
        index: Number(v.leafIdx),
        size: Number(v.treeSize),
        leaf: bytes(v.leafHash),
        proof: (v.proof ?? []).map(bytes),
        root: bytes(v.root),
      }),
  },
  consistency: {
    count: 98,
    check: (v) =>
      verifyConsistency({
        size1: Number(v.size1),
        size2: Number(v.size2),
        root1: bytes(v.root1),
        root2: bytes(v.root2),
        proof: (v.proof ?? []).map(bytes),
      }),
  },
  subtreeinclusion: {
    count: 204,
    check: (v) =>
      verifySubtreeInclusion({
        index: Number(v.leafIdx),
        start: Number(v.start),
        end: Number(v.end),
        leaf: bytes(v.leafHash),
        proof: (v.proof ?? []).map(bytes),
        root: bytes(v.root),
      }),
  },
  subtreeconsistency: {
    count: 118,
    check: (v) =>
      verifySubtreeConsistency({
        start: Number(v.start),
        end: Number(v.end),
        size: Number(v.size),
        subtree: bytes(v.root1),
        root: bytes(v.root2),
        proof: (v.proof ?? []).map(bytes),
      }),
  },
}

describe.skipIf(absent)('the Merkle vectors', () => {
  it.each(Object.entries(checks))('of %s: what is right holds, what is wrong does not', (kind, { count, check }) => {
    const all = vectors(kind)
    expect(all).toHaveLength(count)
    const wrong = all.filter(([, vector]) => check(vector) === vector.wantErr).map(([path, { desc }]) => `${path}: ${desc}`)
    expect(wrong).toEqual([])
  })
})
