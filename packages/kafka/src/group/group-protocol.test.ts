import { AssignerProtocol } from 'kafkajs'
import { expect, test } from 'vitest'
import { decodeAssignment, decodeSubscription, encodeAssignment, encodeSubscription } from './group-protocol.js'

const { MemberAssignment, MemberMetadata } = AssignerProtocol
const data = Buffer.from('{"owned":[1,2]}')

test('a subscription is what other clients read, and ours comes back', () => {
  const subscription = encodeSubscription(['orders', 'żółw'], data)
  expect(MemberMetadata.decode(subscription)).toEqual({ version: 0, topics: ['orders', 'żółw'], userData: data })
  expect(decodeSubscription(subscription).equals(data)).toBe(true)
})

test('an assignment is what other clients read, and ours comes back', () => {
  const assignment = encodeAssignment(['orders', 'retry'], [0, 3], data)
  expect(MemberAssignment.decode(assignment)).toEqual({ version: 0, assignment: { orders: [0, 3], retry: [0, 3] }, userData: data })
  expect(decodeAssignment(assignment).equals(data)).toBe(true)
})

test('nothing assigned is nothing', () => {
  expect(decodeAssignment(Buffer.alloc(0)).length).toBe(0)
})
