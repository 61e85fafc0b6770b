import { expect, test } from 'vitest'
import { PasswordHasher, productionCost } from './password-hasher.js'

const cheap = new PasswordHasher({ cost: 16, blockSize: 8, parallelization: 1 })

test('a password is verified by its hash, and no other is', async () => {
  const hash = await cheap.hash('correct horse')
  expect(await cheap.verify('correct horse', hash)).toBe(true)
  expect(await cheap.verify('correct Horse', hash)).toBe(false)
  expect(await cheap.verify('', hash)).toBe(false)
})

test('two hashes of one password have nothing in common but their cost', async () => {
  const [one, other] = await Promise.all([cheap.hash('the same'), cheap.hash('the same')])
  expect(one.split('$').slice(0, 4)).toEqual(['scrypt', '16', '8', '1'])
  expect(one.split('$').slice(4)).not.toEqual(expect.arrayContaining(other.split('$').slice(4)))
})

test('an accent is the same, whether the keyboard sends it as one character or two', async () => {
  expect(await cheap.verify('cafe\u0301', await cheap.hash('caf\u00e9'))).toBe(true)
})

test('a hash of the production cost is verified where another cost is the default', async () => {
  const hash = await new PasswordHasher().hash('correct horse')
  expect(hash).toMatch(/^scrypt\$131072\$8\$1\$/)
  expect(productionCost).toEqual({ cost: 131_072, blockSize: 8, parallelization: 1 })
  expect(await cheap.verify('correct horse', hash)).toBe(true)
})

test('the decoy costs what a hash costs, and is the hash of nothing', async () => {
  const [decoy, hash] = [cheap.decoy(), await cheap.hash('correct horse')]
  expect(decoy.split('$').map((part) => part.length)).toEqual(hash.split('$').map((part) => part.length))
  expect(decoy.split('$').slice(0, 4)).toEqual(hash.split('$').slice(0, 4))
  expect(await cheap.verify('correct horse', decoy)).toBe(false)
})

test.each(['', 'md5$abc', 'scrypt$16$8$1$c2FsdA$c2hvcnQ', '$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW'])(
  'what is stored in another form (%j) is said, and not shown',
  async (stored) => {
    const refusal = expect.objectContaining({
      message: 'A stored password hash is not in the form of PasswordHasher. Let its owner set a new password.',
    })
    await expect(cheap.verify('correct horse', stored)).rejects.toEqual(refusal)
  },
)
