#!/usr/bin/env bash
# Installs from Debian what the wider tests and the benchmarks use; `make demo` and `make test` run without it.
# Starts no service and creates no cluster. Does nothing, and asks no mirror, when all is there.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

command -v apt-get >/dev/null || die "this verb knows Debian's apt-get only. Install by hand: PostgreSQL 15 with contrib, pgbouncer, haproxy, valgrind, a JDK with the PostgreSQL JDBC driver, Node.js with npm, openssl."

installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

wanted=()
want() { installed "$1" || wanted+=("$1"); }

# PostgreSQL 15 is what the tests name; a Debian that has no such package gives its own version (below).
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || want postgresql-15
want pgbouncer
want haproxy
want valgrind
want libpostgresql-jdbc-java
command -v openssl >/dev/null || want openssl
command -v javac >/dev/null || want default-jdk-headless
command -v node >/dev/null || want nodejs
command -v npm >/dev/null || want npm

if [ ${#wanted[@]} -eq 0 ]; then
    say "system packages: all there"
    exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || die "installing packages needs root, and there is no sudo here. As root, run: apt-get install --no-install-recommends ${wanted[*]}"
    as_root=(sudo)
fi

# Debian's packages start their services at installation unless this file says no.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee $policy >/dev/null
    "${as_root[@]}" chmod 755 $policy
    trap '"${as_root[@]}" rm -f $policy' EXIT
fi

# Written before the packages are: otherwise postgresql-15 creates and starts a cluster on port 5432.
clusters=/etc/postgresql-common/createcluster.conf
"${as_root[@]}" mkdir -p "$(dirname $clusters)"
if ! grep -qs '^ *create_main_cluster *= *false' $clusters; then
    printf 'create_main_cluster = false\n' | "${as_root[@]}" tee -a $clusters >/dev/null
fi

apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold)
log=$(mktemp)
run() { "${apt[@]}" "$@" >>"$log" 2>&1 || { tail -n 40 "$log" >&2; die "apt-get $1 failed; its last words are above, all of them in $log."; }; }

say "installing ${wanted[*]}"
run update
if [ -z "$(apt-cache search --names-only '^postgresql-15$')" ]; then
    say "no package postgresql-15 here: installing this Debian's own PostgreSQL; tests that need 15 will say that they are skipped"
    wanted=("${wanted[@]/#postgresql-15/postgresql}")
fi
run install -y --no-install-recommends "${wanted[@]}"
rm -f "$log"
say "system packages: installed ${wanted[*]}"
