import type { BrokerConfig } from 'interline'
import type { BrokerChoice, StoreChoice } from '../../places/choices.js'

/** Redis pub/sub, wherever a Redis is at hand: what nobody hears at the moment is worth nothing a minute later. */
export function liveBroker(...choices: readonly (BrokerChoice | StoreChoice)[]): BrokerConfig {
  for (const choice of choices) {
    if (choice.type === 'redis') return { type: 'redis-pubsub', 'redis-pubsub': choice.redis }
  }
  return { type: 'memory' }
}
