import { Repository } from '@interline/domain'
import type { IEventStore } from 'interline'
import { Player } from './player.js'

/** All players, changed one at a time however many want to: who comes second is done again on what the first left. */
export class Players {
  readonly #repository: Repository<Player>
  #conflicts = 0

  constructor(store: IEventStore) {
    this.#repository = new Repository(Player, { store })
  }

  /** How often somebody else was first. */
  get conflicts(): number {
    return this.#conflicts
  }

  find(name: string): Promise<Player | undefined> {
    return this.#repository.find(name)
  }

  async change(name: string, change: (player: Player) => void): Promise<void> {
    let runs = 0
    await this.#repository.update(name, (player) => {
      if (++runs > 1) this.#conflicts++
      change(player)
    })
  }
}
