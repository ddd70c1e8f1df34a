#!/bin/sh
# Makes sure the programs the tests start are there. One line per program: name, Debian package, why.
# Installs what is missing when run as root on Debian (SALLYPORT_TEST_INSTALL=0 forbids it);
# otherwise prints the command to run, and fails. With nothing missing it does nothing and needs no network.
set -eu
# Servers are in sbin, which not every user's PATH has.
PATH="$PATH:/usr/sbin"

# A test that starts another program (nginx, redis-server) adds its line here.
programs='
openssl openssl makes the authorities and certificates of the TLS tests
python3 python3 its ipaddress module, beside the reader of addresses
nginx nginx stands in front of the gateway in test/proxies
apache2 apache2-bin stands in front of the gateway in test/proxies
haproxy haproxy stands in front of the gateway in test/proxies
ip iproute2 makes the network namespaces of test/proxies
sslscan sslscan looks for weak versions and suites at our listener
testssl testssl.sh looks for known vulnerabilities at our listener
chromium chromium runs the pages of test/attack/browser.test.ts
'

missing=''
while read -r program package why; do
  [ -n "$program" ] || continue
  if ! command -v "$program" >/dev/null 2>&1; then
    echo "tests need $program ($why): Debian package $package" >&2
    missing="$missing $package"
  fi
done <<EOF
$programs
EOF

[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ] && [ "${SALLYPORT_TEST_INSTALL:-1}" != 0 ] && command -v apt-get >/dev/null 2>&1; then
  apt-get update -q >&2
  # The tests start what they need themselves, with a configuration and a port of their own: no service may start here.
  [ -e /usr/sbin/policy-rc.d ] || {
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
    chmod 755 /usr/sbin/policy-rc.d
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
  }
  # shellcheck disable=SC2086 # one word per package
  DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing >&2
else
  echo "install with: apt-get install --no-install-recommends$missing" >&2
  exit 1
fi
