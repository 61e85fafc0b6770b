/** What a member tells the leader when it joins. */
export interface MemberClaim {
  readonly id: string
  /** Partitions that it owns and has work of. */
  readonly owned: readonly number[]
  /** It is on its way out, and takes nothing new. */
  readonly leaving: boolean
}

/** What the leader answers. */
export interface MemberPart {
  readonly id: string
  readonly partitions: readonly number[]
  /** Of these, which it should give up in good order: it has more than its part. */
  readonly surplus: readonly number[]
}

/**
 * Who owns what. Nobody loses what it has at once: a member with more than its part keeps it until it has finished there and joins
 * again without it, so that a newcomer interrupts nothing, and what is not moved goes on.
 */
export function divide(claims: readonly MemberClaim[], partitionCount: number): readonly MemberPart[] {
  const taken = new Set<number>()
  const owners = claims.map(({ id, owned, leaving }) => {
    const mine = owned.filter((partition) => partition < partitionCount && !taken.has(partition))
    for (const partition of mine) taken.add(partition)
    return { id, leaving, mine, quota: 0, free: [] as number[] }
  })
  // those that have most get the odd ones, so that least is moved
  const staying = owners
    .filter(({ leaving }) => !leaving)
    .sort((left, right) => right.mine.length - left.mine.length || (left.id < right.id ? -1 : 1))
  const least = Math.floor(partitionCount / Math.max(1, staying.length))
  for (const [index, owner] of staying.entries()) owner.quota = least + (index < partitionCount - least * staying.length ? 1 : 0)
  const free = Array.from({ length: partitionCount }, (_, partition) => partition).filter((partition) => !taken.has(partition))
  for (const owner of staying) {
    while (owner.mine.length + owner.free.length < owner.quota) {
      const next = free.shift()
      if (next === undefined) break
      owner.free.push(next)
    }
  }
  return owners.map(({ id, leaving, mine, quota, free: more }) => ({
    id,
    partitions: [...mine, ...more],
    surplus: leaving ? [] : mine.slice(quota),
  }))
}
