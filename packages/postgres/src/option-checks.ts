import { type OptionCheck, refuseOption } from '@interline/core'

/** The beginning of a table's name; suffixes must still fit into PostgreSQL's 63 bytes. */
export const identifier: OptionCheck = (value, path) => {
  if (typeof value === 'string' && /^[A-Za-z_][A-Za-z0-9_]{0,39}$/.test(value)) return
  refuseOption(path, value, 'a name of up to 40 letters, digits and _, which does not begin with a digit')
}
