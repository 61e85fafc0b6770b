/** What cells beyond the bound are counted under. */
export const other = 'other'
const longestLabel = 200

type Names = readonly [first: string, second: string, third: string, fourth: string]

interface Entry<Cell> {
  readonly names: Names
  readonly cell: Cell
}

/**
 * What is counted, by up to four names, found again without making a key of them. Names come from outside: beyond the bound all share one
 * cell, so that nobody fills the memory of this process or of who scrapes it.
 */
export class Cells<Cell> {
  readonly #make: (names: Names) => Cell
  readonly #most: number
  readonly #found = new Map<string, Map<string, Map<string, Map<string, Cell>>>>()
  readonly #entries: Entry<Cell>[] = []
  #overflow: Cell | undefined
  #last: { readonly names: Names; readonly cell: Cell | undefined } = { names: ['', '', '', ''], cell: undefined }

  constructor(most: number, make: (names: Names) => Cell) {
    this.#most = most
    this.#make = make
  }

  get entries(): readonly Entry<Cell>[] {
    return this.#entries
  }

  at(first: string, second = '', third = '', fourth = ''): Cell {
    // nearly always the same as just before
    const { names, cell: last } = this.#last
    if (last !== undefined && names[0] === first && names[1] === second && names[2] === third && names[3] === fourth) return last
    const cell = this.#found.get(first)?.get(second)?.get(third)?.get(fourth) ?? this.#add([first, second, third, fourth])
    this.#last = { names: [first, second, third, fourth], cell }
    return cell
  }

  #add(names: Names): Cell {
    if (this.#entries.length >= this.#most) return (this.#overflow ??= this.#keep([other, other, other, other]))
    const cell = this.#keep(names.map((name) => name.slice(0, longestLabel)) as unknown as Names)
    const [first, second, third, fourth] = names
    inside(inside(inside(this.#found, first), second), third).set(fourth, cell)
    return cell
  }

  #keep(names: Names): Cell {
    const cell = this.#make(names)
    this.#entries.push({ names, cell })
    return cell
  }
}

function inside<Value>(map: Map<string, Map<string, Value>>, name: string): Map<string, Value> {
  let found = map.get(name)
  if (found === undefined) map.set(name, (found = new Map()))
  return found
}
