import { expect, it } from 'vitest'
import { metricsOptionsFromEnv } from './environment.js'

it('a bus is watched unless the environment says otherwise', () => {
  expect(metricsOptionsFromEnv({})).toEqual({ enabled: true })
  expect(metricsOptionsFromEnv({ EVENT_MONITORING_ENABLED: '', EVENT_METRICS_EXPORT_INTERVAL: '' })).toEqual({ enabled: true })
  expect(metricsOptionsFromEnv({ EVENT_MONITORING_ENABLED: 'true', EVENT_METRICS_EXPORT_INTERVAL: '3600000' })).toEqual({
    enabled: true,
    collectEveryMs: 3_600_000,
  })
  expect(metricsOptionsFromEnv({ EVENT_MONITORING_ENABLED: 'off' })).toEqual({ enabled: false })
})

it.each([
  [{ EVENT_MONITORING_ENABLED: 'perhaps' }, 'EVENT_MONITORING_ENABLED is "perhaps"; give true or false.'],
  [{ EVENT_METRICS_EXPORT_INTERVAL: '0' }, 'EVENT_METRICS_EXPORT_INTERVAL is "0"; give milliseconds, a whole number from 1.'],
  [{ EVENT_METRICS_EXPORT_INTERVAL: '1h' }, 'EVENT_METRICS_EXPORT_INTERVAL is "1h"; give milliseconds, a whole number from 1.'],
])('%o is refused', (env, message) => {
  expect(() => metricsOptionsFromEnv(env)).toThrow(message)
})
