// The packaged Node binaries declare `os` and `cpu` as plain strings; as lists, pnpm installs only the one that fits the machine.
const asList = (value) => (typeof value === 'string' ? [value] : value)

module.exports = {
  hooks: {
    readPackage(manifest) {
      if (/^node-(bin-|linux-|win-)/.test(manifest.name)) {
        manifest.os = asList(manifest.os)
        manifest.cpu = asList(manifest.cpu)
      }
      return manifest
    },
  },
}
