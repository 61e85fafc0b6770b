import { copyOf } from '../delivery/held-keys.js'
import { redrivenProgress } from '../delivery/progress.js'
import type { DeadLetter } from '../ports/dead-letter-store.js'
import type { WireMessage } from '../ports/message.js'

/** Keys whose order is kept behind their dead letters: one message for each, as the owner of the key does the rest. */
export class KeysInOrder {
  readonly #told = new Set<string>()

  /** Names the first letter that was selected of each key; the owner begins with the first that there is. */
  copiesToRedrive(letters: readonly DeadLetter[]): readonly WireMessage[] {
    return this.#firstOfEach(letters).map(copyOf)
  }

  /** Lets the owners look again. */
  newsOf(letters: readonly DeadLetter[]): readonly WireMessage[] {
    return this.#firstOfEach(letters).map((letter) => {
      const { group, handler } = letter
      return { ...copyOf(letter), target: { group, progress: redrivenProgress(handler, '') } }
    })
  }

  #firstOfEach(letters: readonly DeadLetter[]): readonly DeadLetter[] {
    return letters.filter(({ keepsOrder, group, handler, destination, message }) => {
      const name = JSON.stringify([group, handler, destination, message.key])
      if (keepsOrder !== true || this.#told.has(name)) return false
      this.#told.add(name)
      return true
    })
  }
}
