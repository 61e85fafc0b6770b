import { type TestedInbox, testInbox } from '@interline/testing'
import { describe, it } from 'vitest'
import { cleanUp, url } from '../postgres-server.js'

const module = new URL('../tested-inbox.mjs', import.meta.url)
const { createInbox } = (await import(module.href)) as { readonly createInbox: (namespace: string, address: string) => TestedInbox }

testInbox('postgres', {
  create: (namespace) => createInbox(namespace, url),
  cleanUp: (namespace) => cleanUp(namespace),
  processes: { module, args: [url] },
  runner: { describe, it },
})
