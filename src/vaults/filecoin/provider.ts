/** What one storage provider can be asked to do: the HTTP API of the Filecoin Onchain Cloud. Nothing is repeated here, and nothing waited for but the answer. */
import type { CID } from 'multiformats/cid'
import type { AbortOptions } from '../../contracts.ts'
import { VaultError } from '../../errors.ts'
import { type Answer, ask, nodeOf, type ProviderNode, type Question, recordOf, shown } from './http.ts'
import type { Hex } from './port.ts'

interface Signed extends AbortOptions {
  readonly cid: CID
  readonly extraData: Hex
}

/** Everything throws VaultError: `unreachable` where nothing is known, `invalid` where it refuses what it was asked. */
export interface ProviderApi {
  readonly host: string
  /** Resolves when it answers as a provider does. */
  ping(options?: AbortOptions): Promise<void>
  /** Does it have the piece, by its own word? A piece that came a moment ago may not show yet. */
  findPiece(cid: CID, options?: AbortOptions): Promise<boolean>
  /** Resolves when it has taken every byte and the piece CID with them. */
  upload(body: AsyncIterable<Uint8Array>, options: AbortOptions & { readonly byteLength: number; readonly cid: CID }): Promise<void>
  /** Resolves with the hash of the transaction that it sent. */
  createAndAdd(order: Signed & { readonly recordKeeper: Hex }): Promise<Hex>
  add(order: Signed & { readonly dataSetId: bigint }): Promise<Hex>
  /** Undefined: it knows of no such piece. */
  scheduleRemoval(
    order: AbortOptions & { readonly dataSetId: bigint; readonly pieceId: bigint; readonly extraData: Hex },
  ): Promise<Hex | undefined>
}

export function providerApi(id: string, url: string, limits: Pick<ProviderNode, 'timeoutMs' | 'fetch'>): ProviderApi {
  const node = nodeOf(id, url, limits)
  const { host } = node
  /** Throws `invalid` for every status that was not expected. */
  const asked = async (question: Question, expected: readonly number[]): Promise<Answer> => {
    const answer = await ask(node, question)
    if (expected.includes(answer.status)) return answer
    throw new VaultError('invalid', id, `${question.doing}: ${host} refuses: ${shown(answer)}`)
  }
  const oddly = (doing: string) => new VaultError('unreachable', id, `${doing}: ${host} does not answer as a storage provider does`)
  return {
    host,
    ping: async ({ signal } = {}) => {
      await asked({ path: '/pdp/ping', doing: 'asking whether it is there', signal }, [200, 204])
    },
    findPiece: async (cid, { signal } = {}) => {
      const doing = `looking for piece ${cid}`
      const answer = await asked({ path: `/pdp/piece?pieceCid=${cid}`, doing, signal }, [200, 202, 404])
      if (answer.status === 200 && typeof recordOf(answer)?.pieceCid !== 'string') throw oddly(doing)
      return answer.status !== 404
    },
    upload: async (body, { byteLength, cid, signal }) => {
      const path = await uploadPath(asked, { signal }, oddly)
      const doing = `uploading piece ${cid}`
      await asked({ method: 'PUT', path, stream: { body, byteLength }, doing, signal }, [200, 204])
      await asked({ method: 'POST', path, json: { pieceCid: `${cid}` }, doing: `ending the upload of piece ${cid}`, signal }, [200])
    },
    createAndAdd: async ({ recordKeeper, extraData, cid, signal }) => {
      const doing = `committing piece ${cid} to a new data set`
      const json = { recordKeeper, extraData, pieces: [pieceOf(cid)] }
      const answer = await asked({ method: 'POST', path: '/pdp/data-sets/create-and-add', json, doing, signal }, [200, 201, 202])
      return hashIn(answer) ?? raise(oddly(doing))
    },
    add: async ({ dataSetId, extraData, cid, signal }) => {
      const doing = `committing piece ${cid} to data set ${dataSetId}`
      const json = { extraData, pieces: [pieceOf(cid)] }
      const answer = await asked({ method: 'POST', path: `/pdp/data-sets/${dataSetId}/pieces`, json, doing, signal }, [200, 201, 202])
      return hashIn(answer) ?? raise(oddly(doing))
    },
    scheduleRemoval: async ({ dataSetId, pieceId, extraData, signal }) => {
      const doing = `scheduling the removal of piece ${pieceId} from data set ${dataSetId}`
      const path = `/pdp/data-sets/${dataSetId}/pieces/${pieceId}`
      const answer = await asked({ method: 'DELETE', path, json: { extraData }, doing, signal }, [200, 202, 404])
      return answer.status === 404 ? undefined : (hexIn(recordOf(answer)?.txHash) ?? raise(oddly(doing)))
    },
  }
}

const UPLOAD = /\/pdp\/piece\/uploads\/[0-9a-fA-F-]{1,64}$/

/** Of the upload that it opens; elsewhere than at itself it is not followed. */
async function uploadPath(
  asked: (question: Question, expected: readonly number[]) => Promise<Answer>,
  { signal }: AbortOptions,
  oddly: (doing: string) => VaultError,
): Promise<string> {
  const doing = 'opening an upload'
  const { headers } = await asked({ method: 'POST', path: '/pdp/piece/uploads', doing, signal }, [201])
  const [path] = UPLOAD.exec(headers.get('location') ?? '') ?? []
  return path ?? raise(oddly(doing))
}

const pieceOf = (cid: CID) => ({ pieceCid: `${cid}`, subPieces: [{ subPieceCid: `${cid}` }] })

/** The transaction that its `Location` ends in. */
const hashIn = ({ headers }: Answer): Hex | undefined => hexIn(headers.get('location')?.split('/').pop())

const isHash = (value: unknown): value is Hex => typeof value === 'string' && /^0x[0-9a-fA-F]{64}$/.test(value)
const hexIn = (value: unknown): Hex | undefined => (isHash(value) ? value : undefined)

function raise(error: Error): never {
  throw error
}
