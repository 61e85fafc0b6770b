// Prints `N passed, N failed` from a report of the test runner. Fails when there is no report, or it holds a failure or no success.
import { readFileSync } from 'node:fs'

const text = readFileSync(process.argv[2] ?? '', 'utf8')
const report = text === '' ? { numPassedTests: 0, numFailedTests: 0, testResults: [], success: false } : JSON.parse(text)
// A file that could not be loaded has failed without having a test to count.
const brokenFiles = report.testResults.filter(
  ({ status, assertionResults }) => status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
)
const failed = report.numFailedTests + brokenFiles.length

console.log(`${report.numPassedTests} passed, ${failed} failed`)
process.exitCode = report.success && failed === 0 && report.numPassedTests > 0 ? 0 : 1
