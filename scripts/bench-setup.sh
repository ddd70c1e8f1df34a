#!/bin/sh
# Installs what `npm run bench` compares the gateway with: nginx from Debian, and two bridges from npm in bench/peers, pinned by
# their own lock and without install scripts. What is missing when the benchmark runs is named in its tables.
set -eu
cd "$(dirname "$0")/.."

if ! command -v nginx >/dev/null 2>&1; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    apt-get update -q >&2
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends nginx-light >&2
  else
    echo "install with: apt-get install --no-install-recommends nginx-light" >&2
  fi
fi

npm ci --prefix bench/peers --ignore-scripts --no-audit --no-fund
