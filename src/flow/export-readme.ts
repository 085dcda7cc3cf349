/** What stands in an export for whoever finds it, without this program. */

export interface ReadmeFacts {
  readonly form: 'objects' | 'packs'
  /** Is any of it sealed, and any of it erasable? */
  readonly sealed: boolean
  readonly erasable: boolean
}

/** Plain text, 80 columns. */
export function exportReadme({ form, sealed, erasable }: ReadmeFacts): string {
  return [HEAD, form === 'objects' ? OBJECTS : PACKS, REST, ...(sealed ? [SEALED] : []), ...(erasable ? [ERASABLE] : []), CHECK].join('\n')
}

const HEAD = `This is a BagIt 1.0 bag (RFC 8493). What is kept is in data/, in public formats;
nothing in it needs the program that wrote it.

  objects.jsonl       one line of JSON per object: root, name, size, which file
  records/ROOT.json   what the archive signed of it (DAG-JSON of FORMAT.md, 4)
  receipts/ROOT.json  the newest receipt (FORMAT.md, 5)
  tocs/NAME.cbor      tables of contents of the packs it lay in (FORMAT.md, 2)
  attributes/         modes and times of entries: [path, mode, seconds, nanoseconds]
  FORMAT.md           all formats, byte by byte`

const OBJECTS = `  objects/ROOT.car    the object: a CARv1 of its whole UnixFS DAG

To get the files of an object back (ipfs-car is on npm; Kubo does it, too):

  ipfs-car unpack objects/ROOT.car --output out
  ipfs dag import objects/ROOT.car && ipfs get ROOT`

const PACKS = `  packs/NAME.car      the packs as they lay in the vaults: CARv1

An object may lie in several packs; its record names them. Kubo takes them all:

  for pack in packs/*.car; do ipfs dag import --pin-roots=false "$pack"; done
  ipfs get ROOT

FORMAT.md, section 2, says how to join packs by hand for ipfs-car.`

const REST = `
What there is, by name:

  jq -r 'select(.name) | "\\(.root)  \\(.name)"' objects.jsonl
`

const SEALED = `Objects with "visibility": "sealed" are age files (https://age-encryption.org).
With the identity (AGE-SECRET-KEY-...) of one recipient in key.txt, a file opens so:

  ipfs-car unpack objects/ROOT.car --output sealed.age
  age -d -i key.txt sealed.age > file

A sealed directory holds age files with opaque names, and index.age, which says
what they are:

  ipfs-car unpack objects/ROOT.car --output sealed
  age -d -i key.txt sealed/index.age > index.jsonl
  jq -r 'select(.type == "file") | "\\(.name)  \\(.path)"' index.jsonl
  age -d -i key.txt sealed/NAME > file

FORMAT.md, section 9, has a loop that does it for all of them. Name, size and times
of a sealed object:  age -d -i key.txt attributes/ROOT.age
`

const ERASABLE = `Some objects were put as erasable: their headers are in this copy, so shredding them
elsewhere does not reach it. Delete this copy as well when they are to be gone.
`

const CHECK = `That nothing has changed:  cd .. && sha256sum -c manifest-sha256.txt tagmanifest-sha256.txt
`
