import { describe, expect, it } from 'vitest'
import { attributeOfHeader, readAttributes, writeAttributes } from './attribute-names.js'

describe('attribute names', () => {
  it.each([
    ['ce_id', 'id'],
    ['ce-id', 'id'],
    ['CE-Type', 'type'],
    ['cloudEvents_source', 'source'],
    ['cloudEvents:source', 'source'],
    ['content-type', undefined],
    ['ce_', undefined],
    ['ce_has space', undefined],
    ['ce___proto__', undefined],
    ['ce_averylongattributename', undefined],
    ['cent', undefined],
  ])('%s carries %s', (header, attribute) => {
    expect(attributeOfHeader(header)).toBe(attribute)
    expect(attributeOfHeader(header)).toBe(attribute)
  })

  it('are read from headers of any value, and written under one prefix', () => {
    const headers = { ce_id: Buffer.from('1'), 'ce-type': Buffer.from('T'), traceparent: Buffer.from('x'), ce_none: undefined }
    expect(readAttributes(headers, (value) => value?.toString())).toEqual({ id: '1', type: 'T' })
    expect(writeAttributes({ id: '1', type: 'T', datacontenttype: 'application/json' }, 'ce_')).toEqual({ ce_id: '1', ce_type: 'T' })
  })
})
