const pollMs = 50

/** Waits until it is so. Says what did not come about within `limitMs`. */
export async function until(what: string, isSo: () => Promise<boolean>, limitMs = 40_000): Promise<void> {
  const end = performance.now() + limitMs
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`Within ${limitMs / 1_000} s this did not come about: ${what}.`)
    await new Promise((resolve) => setTimeout(resolve, pollMs))
  }
}
