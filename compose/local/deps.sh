#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing to build and to run the demo; `deps.sh test` also what the tests need
# (docker-compose without an engine, 6 MB, and systemd-analyze look at compose/; a JDK, g++, kcat and
# jq run topics/examples; Chromium, 100 MB, looks at the page of STATUS_LISTEN); `deps.sh all` also what
# lint, fuzzing and valgrind runs need. Says so first; uses sudo only to install, and only where it is
# not root already. Prometheus with its promtool is unpacked into build/prometheus: its package,
# installed, would start a service.
# Debian and Ubuntu; elsewhere it names what is missing and ends.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
missing= unpack=
need() { # need CONDITION PACKAGE…
    condition=$1
    shift
    sh -c "$condition" >/dev/null 2>&1 || missing="$missing $*"
}

has_java() {
    for java in ${JAVA_HOME:+"$JAVA_HOME/bin/java"} java /usr/lib/jvm/*/bin/java; do
        version=$("$java" -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1) || continue
        case $version in 17 | 18 | 19 | 20 | 21) return 0 ;; esac
    done
    return 1
}

need 'command -v gcc' gcc libc6-dev
need 'command -v ar' binutils
need 'command -v make' make
need 'command -v pkg-config' pkg-config
need 'pkg-config --exists rdkafka' librdkafka-dev
need 'pkg-config --exists libcurl' libcurl4-openssl-dev
need 'pkg-config --exists jansson' libjansson-dev
need 'pkg-config --exists zlib' zlib1g-dev
need 'pkg-config --exists libcrypto' libssl-dev
need 'pkg-config --exists smartcols' libsmartcols-dev
need 'pkg-config --exists libmicrohttpd' libmicrohttpd-dev
need 'echo "#include <uthash.h>" | gcc -E -' uthash-dev
need 'pkg-config --exists cmocka' libcmocka-dev
need 'command -v python3' python3
need 'python3 -c "import venv, ensurepip"' python3-venv
need 'command -v mvn' maven
has_java || missing="$missing openjdk-17-jre-headless"
if [ "${1:-}" = test ] || [ "${1:-}" = all ]; then
    need 'command -v node' nodejs
    need 'command -v npm' npm
    need 'ls "${JAVA_HOME:-}/bin/javac" /usr/lib/jvm/*/bin/javac | grep .' openjdk-17-jdk-headless
    need 'command -v g++' g++
    need 'command -v kcat' kcat
    need 'command -v jq' jq
    need 'docker-compose version || docker compose version' docker-compose
    need 'command -v systemd-analyze' systemd
    browser=chromium
    ! grep -q '^ID=ubuntu' /etc/os-release || browser=chromium-browser
    need 'command -v chromium || command -v chromium-browser || command -v google-chrome' $browser
    if ! { command -v promtool && command -v prometheus; } >/dev/null 2>&1 && [ ! -e "$root/build/prometheus/ready" ]; then
        unpack=prometheus
    fi
fi
if [ "${1:-}" = all ]; then
    need 'command -v clang' clang
    need 'ls /usr/lib/clang/*/lib/linux/libclang_rt.fuzzer-x86_64.a /usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-x86_64.a | grep .' 'libclang-rt-14-dev'
    need 'command -v clang-format' clang-format
    need 'command -v cppcheck' cppcheck
    need 'command -v valgrind' valgrind
fi

if [ -z "$missing$unpack" ]; then
    exit 0
fi
if ! command -v apt-get >/dev/null 2>&1; then
    echo "missing:$missing $unpack (names of Debian packages; there is no apt-get here, install them by hand)" >&2
    exit 3
fi
sudo=
if [ "$(id -u)" != 0 ]; then
    [ -z "$missing" ] || command -v sudo >/dev/null 2>&1 || {
        echo "missing:$missing; there is no sudo here: become root and run apt-get install$missing" >&2
        exit 3
    }
    sudo=sudo
fi
if [ -n "$missing" ]; then
    echo "installing with apt-get:$missing"
    $sudo apt-get update -qq
    # shellcheck disable=SC2086 # a list of words
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi

unpack_prometheus() { # as whoever calls: a download needs no root
    rm -rf "$root/build/prometheus" && mkdir -p "$root/build/prometheus" && cd "$root/build/prometheus" &&
        apt-get download -qq -o APT::Sandbox::User=root prometheus && dpkg-deb -x prometheus_*.deb . && rm prometheus_*.deb && touch ready
}
if [ -n "$unpack" ]; then
    echo "unpacking Debian's prometheus into build/prometheus"
    unpack_prometheus || {
        $sudo apt-get update -qq
        unpack_prometheus
    }
fi
