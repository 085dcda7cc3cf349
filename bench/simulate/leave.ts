/** Letting a vault go: everything is re-homed and read whole elsewhere before the copy there is removed. */
import { challenge } from './audit.ts'
import { type Kept, type Life, placeIn } from './life.ts'
import { spend } from './money.ts'
import { consider, judge } from './repair.ts'
import { answers } from './world.ts'

/** A vault has become too dear, and a person wants it emptied. */
export function evacuate(life: Life, vault: string): void {
  life.keeper.leaving.add(vault)
  life.note(() => `${vault} is to be let go`)
  for (const object of life.keeper.objects) {
    if (!life.rules.rehomesFirst) remove(life, object, vault)
    consider(life, object)
  }
}

/** Removes an object's copies from vaults that are to be let go, when the others meet the policy by bytes read just now. */
export function letGo(life: Life, object: Kept): void {
  for (const vault of life.keeper.leaving) {
    const known = object.replicas.get(vault)
    if (!known || !answers(life.world, placeIn(life, vault), life.now)) continue
    if (judge(life, object, life.keeper.leaving).state !== 'satisfied') continue
    if (!readOthers(life, object)) continue
    if (judge(life, object, life.keeper.leaving).state === 'satisfied') remove(life, object, vault)
  }
}

function readOthers(life: Life, object: Kept): boolean {
  for (const known of object.replicas.values()) {
    if (known.state !== 'placed' || life.keeper.leaving.has(known.vault) || !life.keeper.configured.has(known.vault)) continue
    if (!spend(life, 'audits', object.blocks * placeIn(life, known.vault).readPrice)) {
      life.checker.refused(object)
      return false
    }
    challenge(life, object, known, 'all')
  }
  return true
}

function remove(life: Life, object: Kept, vault: string): void {
  const place = placeIn(life, vault)
  life.note(() => `object ${object.id} is removed from ${vault}`)
  life.checker.removed(place, object)
  place.copies.delete(object.id)
  place.ghosts.delete(object.id)
  object.replicas.delete(vault)
}
