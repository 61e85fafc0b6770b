import { describe, expect, it } from 'vitest'
import { type Reply, ReplyParser } from './reply-parser.js'

const wire =
  '*2\r\n$6\r\nevents\r\n*2\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$4\r\ndata\r\n$24\r\n{"text":"żółw and more"}\r\n*2\r\n$3\r\n2-0\r\n*0\r\n' +
  ':-17\r\n$-1\r\n*-1\r\n+OK\r\n-NOGROUP no such group\r\n$0\r\n\r\n$15\r\nlong ascii text\r\n'
const expected = [
  [
    'events',
    [
      ['1-0', ['data', '{"text":"żółw and more"}']],
      ['2-0', []],
    ],
  ],
  -17,
  null,
  null,
  'OK',
  'error',
  '',
  'long ascii text',
]

function parse(bytes: Buffer, size: number): Reply[] {
  const replies: Reply[] = []
  const parser = new ReplyParser((reply) => replies.push(reply))
  for (let at = 0; at < bytes.length; at += size) parser.push(bytes.subarray(at, at + size))
  return replies
}

describe('the reply parser', () => {
  it.each([1, 2, 3, 7, 20, 10_000])('reads every kind of reply from chunks of %i bytes', (size) => {
    const bytes = Buffer.from(wire.replace('$24', `$${Buffer.byteLength('{"text":"żółw and more"}')}`))
    const replies = parse(bytes, size)
    const error = replies[5]
    expect(error).toMatchObject({ name: 'ReplyError', message: 'NOGROUP no such group' })
    expect(replies.map((reply) => (reply instanceof Error ? 'error' : reply))).toEqual(expected)
  })

  it('marks what is not UTF-8, as text decoders do', () => {
    expect(parse(Buffer.from([36, 50, 13, 10, 255, 65, 13, 10]), 100)).toEqual(['\uFFFDA'])
  })

  it('refuses what is no reply', () => {
    expect(() => parse(Buffer.from('HTTP/1.1 200 OK\r\n'), 100)).toThrow('no reply')
  })
})
