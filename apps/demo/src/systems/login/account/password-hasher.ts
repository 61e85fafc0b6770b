import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'

/** What one hash costs: memory is 128 × cost × blockSize bytes. */
export interface HashCost {
  readonly cost: number
  readonly blockSize: number
  readonly parallelization: number
}

/** 128 MiB and about half a second. */
export const productionCost: HashCost = { cost: 2 ** 17, blockSize: 8, parallelization: 1 }

const saltBytes = 16
const keyBytes = 32

/** Hashes with scrypt (RFC 7914) as `scrypt$cost$blockSize$parallelization$salt$key`: what was hashed at another cost is verified at that. */
export class PasswordHasher {
  readonly #cost: HashCost

  constructor(cost: HashCost = productionCost) {
    this.#cost = cost
  }

  async hash(password: string): Promise<string> {
    const salt = randomBytes(saltBytes)
    return encoded(this.#cost, salt, await derive(password, salt, this.#cost))
  }

  /** Takes as long for every password, and for the decoy. */
  async verify(password: string, hash: string): Promise<boolean> {
    const { cost, salt, key } = decoded(hash)
    return timingSafeEqual(await derive(password, salt, cost), key)
  }

  /** The hash of nothing, to be verified where there is no account. */
  decoy(): string {
    return encoded(this.#cost, randomBytes(saltBytes), randomBytes(keyBytes))
  }
}

function derive(password: string, salt: Buffer, { cost, blockSize, parallelization }: HashCost): Promise<Buffer> {
  const options: ScryptOptions = { cost, blockSize, parallelization, maxmem: 256 * cost * blockSize }
  return new Promise((resolve, reject) => {
    // one password, however a keyboard composes its letters
    scrypt(password.normalize('NFKC'), salt, keyBytes, options, (error, key) => (error === null ? resolve(key) : reject(error)))
  })
}

function encoded({ cost, blockSize, parallelization }: HashCost, salt: Buffer, key: Buffer): string {
  return ['scrypt', cost, blockSize, parallelization, salt.toString('base64url'), key.toString('base64url')].join('$')
}

function decoded(hash: string): { readonly cost: HashCost; readonly salt: Buffer; readonly key: Buffer } {
  const [name, cost, blockSize, parallelization, salt = '', key = ''] = hash.split('$')
  const bytes = Buffer.from(key, 'base64url')
  if (name !== 'scrypt' || bytes.length !== keyBytes) {
    throw new Error('A stored password hash is not in the form of PasswordHasher. Let its owner set a new password.')
  }
  return {
    cost: { cost: Number(cost), blockSize: Number(blockSize), parallelization: Number(parallelization) },
    salt: Buffer.from(salt, 'base64url'),
    key: bytes,
  }
}
