/** A table in columns: the first to the left, numbers to the right. */
export function table(heads: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const widths = heads.map((head, column) => Math.max(head.length, ...rows.map((row) => row[column]?.length ?? 0)))
  const line = (cells: readonly string[]): string =>
    cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join('  ')
  return [line(heads), widths.map((width) => '─'.repeat(width)).join('──'), ...rows.map(line)]
}

export function counted(number: number): string {
  return number === 0 ? '·' : number.toLocaleString('en')
}
