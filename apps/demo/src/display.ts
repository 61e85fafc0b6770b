import { styleText } from 'node:util'

type Format = Parameters<typeof styleText>[0]

const barWidth = 20
const frameMs = 80
const clearLine = '\r\u001b[2K'

/** What a person sees while it runs: lines that stay and, on a terminal, one line that moves. */
export class Display implements Disposable {
  readonly #out: NodeJS.WriteStream
  readonly #lively: boolean
  readonly #colours: boolean
  #share = 0
  #words = ''
  #alert = ''
  #timer: NodeJS.Timeout | undefined

  constructor(out: NodeJS.WriteStream) {
    this.#out = out
    this.#lively = out.isTTY === true
    this.#colours = this.#lively && process.env.NO_COLOR === undefined
  }

  readonly paint = (format: Format, text: string): string => (this.#colours ? styleText(format, text) : text)

  /** A line that stays. */
  readonly say = (text: string): void => {
    if (this.#timer !== undefined) this.#out.write(clearLine)
    this.#out.write(`${text}\n`)
    this.#draw()
  }

  /** The newest alert, at the end of the moving line. */
  alert(text: string): void {
    this.#alert = text
  }

  /** The moving line: how much is done, from 0 to 1, and in words. */
  update(share: number, words: string): void {
    this.#share = share
    this.#words = words
    if (!this.#lively) return
    this.#timer ??= setInterval(() => this.#draw(), frameMs)
  }

  /** Takes the moving line away. */
  [Symbol.dispose](): void {
    if (this.#timer === undefined) return
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#out.write(clearLine)
  }

  #draw(): void {
    if (this.#timer === undefined) return
    const filled = Math.round(this.#share * barWidth)
    const bar = `${this.paint('cyan', '█'.repeat(filled))}${this.paint('gray', '░'.repeat(barWidth - filled))}`
    const room = Math.max(0, (this.#out.columns ?? 80) - barWidth - this.#words.length - 4)
    this.#out.write(`${clearLine}${bar} ${this.#words}  ${this.paint('yellow', this.#alert.slice(0, room))}`)
  }
}
