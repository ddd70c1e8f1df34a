// A server that is not configured well enough to live.
process.stderr.write('fatal: \x1b[1mEXAMPLE_API_KEY\x1b[0m is not set\n', () => process.exit(1));
