import { MemoryOperationStore } from '@interline/memory'
import { testOperationStore } from '@interline/testing'
import { describe, it } from 'vitest'

testOperationStore('operation store in memory', { create: () => new MemoryOperationStore(), shared: false, runner: { describe, it } })
