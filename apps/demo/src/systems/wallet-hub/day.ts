import { Bookkeeping } from './bookkeeping.js'
import { Business } from './business.js'
import type { Company, Look, Outcome } from './outcome.js'
import { until } from './until.js'

const minuteMs = 60_000
/** More than 1,000. */
const rateChanges = 1_100
/** More than 30 s. */
const lateMs = 45_000

/** A day with a bit of everything: business, a transfer to nobody, a bad hour, and the evening after it. */
export class Day {
  readonly #company: Company
  readonly #expected = new Bookkeeping()
  readonly #business: Business

  constructor(company: Company) {
    this.#company = company
    this.#business = new Business(company.hub, this.#expected)
  }

  async run(transfers: number): Promise<Outcome> {
    const { hub, worker, consumers } = this.#company
    await this.#business.open()
    await this.#business.transfer(transfers)
    await this.#settled()
    const deadLetters = await this.#transferToNobody()
    await this.#sendAgain()
    const during = await this.#badHour()
    const after = await this.#evening()
    const [books, report, published] = await Promise.all([hub.books(), consumers.ask('report'), worker.ask('published')])
    return {
      expected: this.#expected,
      books,
      report,
      hubTraceIds: hub.monitoring.traceIds('create '),
      deadLetters,
      during,
      after,
      published,
    }
  }

  /** It waits as a dead letter until there is a wallet for it. */
  async #transferToNobody(): Promise<Outcome['deadLetters']> {
    const { deadLetters } = this.#company.hub.bus
    const wallet = 'wallet-to-come'
    await this.#business.send({ id: 'transfer-to-nobody', from: 'wallet-0', to: wallet, amount: 7 })
    await until('the transfer to nobody is a dead letter', async () => (await deadLetters.count()) > 0)
    const before = await deadLetters.count()
    await this.#business.createWallet(wallet)
    // its balance was expected all along
    this.#expected.balances.set(wallet, 7)
    await deadLetters.redrive({})
    await this.#settled()
    return { before, after: await deadLetters.count() }
  }

  /** Duplicates have no effect to wait for: that they have come is seen by the runs of the two handlers that each comes to. */
  async #sendAgain(): Promise<void> {
    const { hub, consumers } = this.#company
    const { consumed } = await consumers.ask('report')
    const count = await hub.sendAgain(40)
    this.#expected.sentAgain = count
    await until('what was sent again has come', async () => (await consumers.ask('report')).consumed >= consumed + 2 * count)
  }

  /** The relay rests, then rates are not listened to and the clearing house is away, while a terminal reports what it took a while ago. */
  async #badHour(): Promise<Look> {
    const { hub, worker, consumers } = this.#company
    await Promise.all([hub.alertsAfter(0), consumers.ask('alertsAfter', 0)])
    await worker.ask('stop')
    const rates = Array.from({ length: rateChanges }, (_, index) => [`C${index % 150}`, 1 + index] as const)
    await hub.changeRates(rates)
    this.#expected.ratesSet(rates)
    await hub.alertsAfter(6 * minuteMs)
    const ofHub = await hub.alertsAfter(5 * minuteMs)
    const hubHealth = await hub.health()

    await Promise.all([consumers.ask('listenToRates', false), consumers.ask('openClearingHouse', false)])
    await worker.ask('start')
    for (let number = 0; number < 6; number++) await this.#business.addFunds(`wallet-${number}`, 50, new Date(Date.now() - lateMs))
    await this.#business.transfer(15)
    await until('all but the clearing house and the rates go on', async () => {
      const { statements, refused } = await consumers.ask('report')
      return statements.events === this.#stated && refused > 5 && (await hub.waiting()) === 0
    })
    await consumers.ask('alertsAfter', 6 * minuteMs)
    const ofConsumers = await consumers.ask('alertsAfter', minuteMs)
    return { alerts: [...ofHub, ...ofConsumers], hub: hubHealth, consumers: await consumers.ask('health') }
  }

  /** All is back, and some business goes on: alerts end by what is measured then. */
  async #evening(): Promise<Look> {
    const { hub, consumers } = this.#company
    await Promise.all([consumers.ask('listenToRates', true), consumers.ask('openClearingHouse', true)])
    await this.#settled()
    await Promise.all([hub.alertsAfter(0), consumers.ask('alertsAfter', 0)])
    await this.#business.transfer(15)
    await this.#settled()
    await Promise.all([hub.alertsAfter(6 * minuteMs), consumers.ask('alertsAfter', 6 * minuteMs)])
    const alerts = await Promise.all([hub.alertsAfter(2 * minuteMs), consumers.ask('alertsAfter', 2 * minuteMs)])
    return { alerts: alerts.flat(), hub: await hub.health(), consumers: await consumers.ask('health') }
  }

  /** Until every event has had its effects. */
  async #settled(): Promise<void> {
    const { hub, consumers } = this.#company
    const { balances, rates, wallets, transfers } = this.#expected
    const steps: readonly (readonly [what: string, isSo: () => Promise<boolean>])[] = [
      ['the outbox is empty', async () => (await hub.waiting()) === 0],
      [
        'every transfer has come to its wallet',
        async () => {
          const books = await hub.books()
          return [...balances].every(([wallet, balance]) => books.balances[wallet] === balance)
        },
      ],
      [
        'consumers have done their part',
        async () => {
          const { statements, notifications, settlements, rates: known } = await consumers.ask('report')
          const counted = statements.events >= this.#stated && notifications.events >= wallets && settlements >= transfers
          return counted && [...rates].every(([currency, rate]) => known[currency] === rate)
        },
      ],
      ['consumers are well', async () => (await consumers.ask('health')).status === 'pass'],
    ]
    for (const [what, isSo] of steps) await until(what, isSo)
  }

  /** Events that belong into statements. */
  get #stated(): number {
    return this.#expected.deposits + this.#expected.transfers
  }
}
