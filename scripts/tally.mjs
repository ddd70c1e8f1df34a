// Adds up a vitest JSON report and a check report: `node scripts/tally.mjs TESTS.json CHECK.json`.
// Prints `N passed, N failed` as the last line. A report that is missing or unreadable is a failure, and so is a run of no tests.
import { readFileSync } from 'node:fs';

function read(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    console.log(`no result: ${error.message}`);
    return undefined;
  }
}

/** What vitest reports as failed, plus test files that broke before their first test and a run that went wrong outside a test. */
function countTests(report) {
  if (report === undefined) return { passed: 0, failed: 1, skipped: 0 };
  const broken = report.testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0);
  const passed = report.numPassedTests;
  let failed = report.numFailedTests + broken.length;
  if (failed === 0 && (!report.success || passed === 0)) failed = 1;
  return { passed, failed, skipped: report.numPendingTests + report.numTodoTests };
}

const [testFile, checkFile] = process.argv.slice(2);
const tests = countTests(read(testFile));
const check = read(checkFile) ?? { passed: 0, failed: 1 };
const failed = tests.failed + check.failed;
if (tests.skipped > 0) console.log(`${tests.skipped} skipped`);
console.log(`${tests.passed + check.passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
