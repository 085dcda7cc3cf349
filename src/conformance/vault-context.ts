/** What a conformance case for vaults is, what it is given, and what the cases share. */
import assert from 'node:assert/strict'
import type { CID } from 'multiformats/cid'
import type { Listed, Locator, Pack, Span, Vault, VaultReadOptions } from '../contracts.ts'
import { VaultError, type VaultErrorCode } from '../errors.ts'
import { matches } from '../format/address.ts'
import type { SampleOptions } from './fixture.ts'

/** What a case is given. Cases use different seeds, so all of them may run on one vault; mix something of the run into `pack` where a place outlives it. */
export interface VaultContext {
  /** Opened, where it has `open`. */
  readonly vault: Vault
  /** Same options, same pack; without `adopt`. `samplePack` will do. */
  pack(options?: SampleOptions): Promise<Pack>
  /** Makes the vault's credentials fail; resolves to what undoes it. */
  deny?(): Promise<() => Promise<void>>
  /** Deletes the replica behind the vault's back. */
  lose?(at: Locator): Promise<void>
  /** A fresh instance for the same place, opened, that knows nothing of this one. */
  reopen?(): Promise<Vault>
}

export interface VaultCase {
  /** A sentence about behaviour. */
  readonly name: string
  /** Skip the case when the vault does not have this. */
  readonly needs?: keyof Vault
  /** Skip the case when the context does not have this. */
  readonly wants?: 'deny' | 'lose' | 'reopen'
  run(context: VaultContext): Promise<void>
}

/** Reads a span to its end; fails at the first byte too many. */
export async function readAll(vault: Vault, at: Locator, span: Span, options?: VaultReadOptions): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of vault.read(at, span, options)) {
    length += chunk.byteLength
    assert.ok(length <= span.length, `a read of ${span.length} bytes gave at least ${length}`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** Every block comes back and hashes right; where spans are found by offset, the whole CAR is what was put. */
export async function assertHolds(vault: Vault, at: Locator, pack: Pack): Promise<void> {
  for (const span of await pack.spans()) {
    const bytes = await readAll(vault, at, span)
    assert.equal(bytes.byteLength, span.length, 'a block came back with another length')
    assert.ok(matches(span.cid, bytes), `block ${span.cid} came back with other bytes`)
  }
  if (vault.profile.addressing !== 'offset') return
  const whole = await readAll(vault, at, { cid: pack.root, offset: 0, length: pack.byteLength })
  assert.ok(Buffer.from(await bytesOf(pack)).equals(whole), 'the pack came back with other bytes')
}

/** The vault knows nothing of the pack. */
export async function assertNothing(vault: Vault, pack: Pack): Promise<void> {
  assert.equal(await vault.locate(pack.name, { root: pack.root }), undefined, 'locate found a pack that must not be there')
  assert.deepEqual(await listings(vault, pack.name), [], 'list shows a pack that must not be there')
}

/** Where `list` shows the pack; empty where the vault cannot list. */
export async function listings(vault: Vault, name: CID): Promise<readonly Listed[]> {
  const found: Listed[] = []
  for await (const listed of vault.list?.() ?? []) if (listed.name.equals(name)) found.push(listed)
  return found
}

/** The work rejects with a VaultError of that code. */
export async function assertRejects(code: VaultErrorCode, work: () => Promise<unknown>, what: string): Promise<void> {
  await assert.rejects(
    work,
    (error) => {
      assert.ok(error instanceof VaultError, `${what} must reject with a VaultError, not ${String(error)}`)
      assert.equal(error.code, code, `${what} must reject with ${code}: ${error.message}`)
      return true
    },
    `${what} must reject with ${code}`,
  )
}

/** The CAR of a pack. */
export async function bytesOf(pack: Pack): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of pack.open()) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** The same pack with another body. */
export function withBody(pack: Pack, open: Pack['open']): Pack {
  return { name: pack.name, kind: pack.kind, root: pack.root, byteLength: pack.byteLength, spans: () => pack.spans(), open }
}

/** The pack and how many bytes of it were asked for. */
export function counted(pack: Pack): { readonly pack: Pack; readonly sent: () => number } {
  let sent = 0
  const open = async function* (options?: Parameters<Pack['open']>[0]) {
    for await (const chunk of pack.open(options)) {
      sent += chunk.byteLength
      yield chunk
    }
  }
  return { pack: withBody(pack, open), sent: () => sent }
}
