const closings = new Set<() => void>()

function runAll(): void {
  for (const close of closings) close()
}

/** For servers that must not outlive the process: one listener, however many they are. */
export function atExit(close: () => void): void {
  if (closings.size === 0) process.on('exit', runAll)
  closings.add(close)
}

export function notAtExit(close: () => void): void {
  closings.delete(close)
  if (closings.size === 0) process.off('exit', runAll)
}
