/** Pinning services: who runs them, where they answer, and whether they take CARs, as data. */

export interface PinningPreset {
  /** Absent where the software says nothing of who runs it: then it is the host of the endpoint. */
  readonly operator?: string
  /** The address that `/pins` follows. */
  readonly endpoint?: string
  /** The address that `/api/v0/dag/import` follows, where CARs are taken as Kubo takes them. */
  readonly pushUrl?: string
  /** What is known to differ, from the maker's documents; nothing is decided by it. */
  readonly quirks?: readonly string[]
  /** How it is written in a configuration. */
  readonly example: string
}

export type PinningPresetName = 'pinata' | 'filebase' | '4everland' | 'ipfs-cluster' | 'generic'

/** The presets, by name. */
export const PINNING_PRESETS: Readonly<Record<PinningPresetName, PinningPreset>> = {
  pinata: {
    operator: 'pinata',
    endpoint: 'https://api.pinata.cloud/psa',
    quirks: [
      'the gateway is a host of your own, such as https://<name>.mypinata.cloud',
      'takes CARs in an API of its own, whose files are no pins of this one and would stay when the pin is removed: so it pulls',
    ],
    example: "pinningService({ preset: 'pinata', token, gateway: 'https://<name>.mypinata.cloud' })",
  },
  filebase: {
    operator: 'filebase',
    endpoint: 'https://api.filebase.io/v1/ipfs',
    pushUrl: 'https://api.filebase.io/v1/ipfs',
    quirks: ['the token is of one bucket'],
    example: "pinningService({ preset: 'filebase', token, gateway: 'https://<your gateway>' })",
  },
  '4everland': {
    operator: '4everland',
    endpoint: 'https://api.4everland.dev',
    example: "pinningService({ preset: '4everland', token, gateway: 'https://<your gateway>' })",
  },
  'ipfs-cluster': {
    example:
      "pinningService({ preset: 'ipfs-cluster', endpoint: 'https://cluster.example.org', operator: 'us', token, gateway: 'https://gateway.example.org' })",
  },
  generic: {
    example: "pinningService({ endpoint: 'https://pins.example.org', token, gateway: 'https://gateway.example.org' })",
  },
}
