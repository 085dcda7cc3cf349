/** The SDK's client, loaded with the first request and made once. It repeats nothing: that is the business of a wrapper. */
import type { S3Client, S3ClientConfig } from '@aws-sdk/client-s3'
import { VaultError } from '../../errors.ts'
import type { Settings } from './options.ts'

export type Sdk = typeof import('@aws-sdk/client-s3')

export interface Connection {
  readonly sdk: Sdk
  readonly client: S3Client
}

const CONNECTION_TIMEOUT_MS = 10_000
const MOST_CONNECTIONS = 50
/** Shorter than any store's patience with idle connections: a request on one that the store has just closed fails, and a put is never repeated. */
const IDLE_MS = 3_000

export interface Connector {
  /** Resolves to one and the same connection until it was let go or closed. */
  connect(): Promise<Connection>
  /** The next `connect` makes another, which asks for credentials anew; requests under way end on this one. */
  letGo(connection: Connection): void
  close(): Promise<void>
}

export function connector(settings: Settings): Connector {
  let current: Connection | undefined
  let made: Promise<Connection> | undefined
  return {
    connect: () => {
      made ??= connection(settings).then(
        (connection) => {
          current = connection
          return connection
        },
        (error: unknown) => {
          made = undefined
          throw error
        },
      )
      return made
    },
    letGo: (connection) => {
      if (connection === current) made = current = undefined
    },
    close: async () => {
      const closing = made
      made = undefined
      if (closing) (await closing).client.destroy()
    },
  }
}

async function connection(settings: Settings): Promise<Connection> {
  const sdk = await load(settings.id)
  const client = new sdk.S3Client(configOf(settings))
  client.middlewareStack.add(
    (next) => (args) => {
      signWithChecksum(args.request)
      return next(args)
    },
    { step: 'build', name: 'perdureSignWithChecksum' },
  )
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args)
      const { statusCode, headers = {} } = result.response as { statusCode?: number; headers?: Record<string, string> }
      // No S3 answer is a page; read as XML it would be an empty listing, or a success of something that was not done.
      if ((statusCode ?? 0) < 300 && /^text\/html/i.test(headers['content-type'] ?? ''))
        throw new VaultError('unreachable', settings.id, 'the answer is a page and not that of an S3 store; check the endpoint and proxies')
      return result
    },
    { step: 'deserialize', priority: 'low', name: 'perdureRefusePages' },
  )
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args)
      const crc64 = headersOf(args.request)?.['x-amz-checksum-crc64nvme']
      if (crc64 !== undefined) sentCrcs.set(result.output, crc64)
      return result
    },
    { step: 'finalizeRequest', name: 'perdureRememberCrc64' },
  )
  return { sdk, client }
}

/** A signature covers the SHA-256 of the body. Where we have told it as the checksum, the SDK need not hash the bytes again. */
function signWithChecksum(request: unknown): void {
  const headers = headersOf(request)
  const checksum = headers?.['x-amz-checksum-sha256']
  if (headers && checksum !== undefined) headers['x-amz-content-sha256'] = Buffer.from(checksum, 'base64').toString('hex')
}

function headersOf(request: unknown): Record<string, string> | undefined {
  return (request as { readonly headers?: Record<string, string> }).headers
}

const sentCrcs = new WeakMap<object, string>()

/** The CRC64NVME, in base64, that the SDK computed of the body to which this is the answer: what was sent, not what the store says. */
export function sentCrc64Of(answer: object): string | undefined {
  return sentCrcs.get(answer)
}

async function load(id: string): Promise<Sdk> {
  try {
    return await import('@aws-sdk/client-s3')
  } catch (cause) {
    throw new VaultError('unsupported', id, 'an S3 vault needs the AWS SDK; run `npm install @aws-sdk/client-s3`', { cause })
  }
}

/** Checksums only where they are asked for: the defaults of the SDK send streams that Ceph, R2 and B2 refuse. */
function configOf(settings: Settings): S3ClientConfig {
  const { region, endpoint, pathStyle, requestTimeoutMs } = settings
  const credentials = credentialsOf(settings)
  const agent = agentOf(settings)
  return {
    region,
    ...(endpoint !== undefined && { endpoint }),
    forcePathStyle: pathStyle,
    ...(credentials && { credentials }),
    maxAttempts: 1,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // It would cost a round trip for each part, on a connection that is not used again.
    expectContinueHeader: false,
    // The time without a byte; a limit on the whole request would end large parts on slow lines.
    requestHandler: {
      socketTimeout: requestTimeoutMs,
      connectionTimeout: Math.min(requestTimeoutMs, CONNECTION_TIMEOUT_MS),
      httpAgent: agent,
      httpsAgent: agent,
    },
  }
}

function credentialsOf({ options }: Settings): S3ClientConfig['credentials'] | undefined {
  const { accessKeyId, secretAccessKey, sessionToken, credentials } = options
  if (accessKeyId !== undefined && secretAccessKey !== undefined) {
    return { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) }
  }
  if (!credentials) return undefined
  return async () => {
    const { sessionToken: token, expiration, ...keys } = await credentials()
    return { ...keys, ...(token !== undefined && { sessionToken: token }), ...(expiration && { expiration }) }
  }
}

/** Options of Node's own agents, which speak through proxies themselves in later versions. */
function agentOf({ id, options }: Settings): Readonly<Record<string, unknown>> {
  const { ca, proxy } = options
  if (proxy !== undefined && !knowsProxies(process.versions.node)) {
    throw new VaultError(
      'unsupported',
      id,
      `Node ${process.versions.node} cannot use a proxy; use Node 24.5 or later, or leave out \`proxy\``,
    )
  }
  return {
    keepAlive: true,
    timeout: IDLE_MS,
    maxSockets: MOST_CONNECTIONS,
    ...(ca !== undefined && { ca }),
    ...(proxy !== undefined && { proxyEnv: { HTTP_PROXY: proxy, HTTPS_PROXY: proxy } }),
  }
}

/** Agents take `proxyEnv` since Node 24.5. */
export function knowsProxies(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > 24 || (major === 24 && minor >= 5)
}
