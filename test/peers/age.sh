#!/usr/bin/env bash
# The real age, and age-keygen beside it.
#   age.sh packaged   the one of the system; Debian's package is installed when it is not there and this is root
#   age.sh current    v1.3.1, which knows post-quantum recipients, built with the machine's own Go
# Prints AGE and AGE_KEYGEN, one a line; the version goes to stderr.
set -euo pipefail
case ${1:?packaged or current} in
  packaged)
    if ! command -v age > /dev/null; then
      [[ $(id -u) == 0 ]] && command -v apt-get > /dev/null || { echo 'age is not installed, and only root on Debian can do that here' >&2; exit 1; }
      { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends age; } >&2
    fi
    age=$(command -v age) keygen=$(command -v age-keygen) version=$(age --version)
    ;;
  current)
    here=$(dirname "$0") version=v1.3.1
    age=$(bash "$here/go-build.sh" age filippo.io/age $version ./cmd/age)
    keygen=$(bash "$here/go-build.sh" age-keygen filippo.io/age $version ./cmd/age-keygen)
    ;;
esac
echo "age: $age, version $version" >&2
echo "AGE=$age"
echo "AGE_KEYGEN=$keygen"
