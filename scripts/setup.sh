#!/usr/bin/env bash
# Installs what is missing for building and testing (default), or for the benchmark as well (`scripts/setup.sh bench`).
# Changes nothing where everything is there. Root on Debian gets packages and Rust installed; anyone else is told what is
# missing. Where a package brings a service along (openssh-server), Debian starts it.
set -euo pipefail
cd "$(dirname "$0")/.."
export HOME="${HOME:-/root}"
export PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"

# A program and the Debian package that has it.
readonly build=(cc:build-essential ip:iproute2 ss:iproute2 nft:nftables unshare:util-linux python3:python3 tcpdump:tcpdump ethtool:ethtool)
# The other side in the tests of connect and listen, which skip those that are missing.
readonly peers=(ncat:ncat nc.openbsd:netcat-openbsd socat:socat dig:bind9-dnsutils logger:bsdutils openssl:openssl setpriv:util-linux)
readonly bench=(python3:python3 ncat:ncat iperf3:iperf3 cmp:diffutils rsync:rsync scp:openssh-client sshd:openssh-server socat:socat tar:tar ss:iproute2 diff:diffutils)
# For one to many (bench/many): the peers. udpcast brings both of its ends.
readonly many=(udp-sender:udpcast uftp:uftp tc:iproute2)

fail() {
    printf 'setup: %s\n' "$@" >&2
    exit 1
}

# Also finds what an ordinary user's PATH leaves out.
have() {
    PATH="$PATH:/usr/sbin:/sbin" command -v "$1" >/dev/null 2>&1
}

install_packages() {
    local pair packages=()
    for pair in "$@"; do
        have "${pair%%:*}" || packages+=("${pair#*:}")
    done
    [ ${#packages[@]} -gt 0 ] || return 0
    have apt-get || fail "missing, and this is no Debian: ${packages[*]} (Debian's names); please install them"
    [ "$(id -u)" = 0 ] || fail "missing packages; please run: sudo apt-get install ${packages[*]}"
    export DEBIAN_FRONTEND=noninteractive
    printf 'setup: installing %s\n' "${packages[*]}"
    apt-get install -y --no-install-recommends "${packages[@]}" 2>/dev/null ||
        { apt-get update && apt-get install -y --no-install-recommends "${packages[@]}"; }
}

# The way that https://rustup.rs gives, without changing anyone's profile.
install_rust() {
    local script
    [ "$(id -u)" = 0 ] || fail "no Rust here; install it from https://rustup.rs"
    install_packages curl:curl update-ca-certificates:ca-certificates
    printf 'setup: installing Rust\n'
    script=$(mktemp)
    curl --proto '=https' --tlsv1.2 --fail --silent --show-error --location https://sh.rustup.rs --output "$script" ||
        fail "no Rust here, and https://sh.rustup.rs cannot be reached to install it"
    sh "$script" -y --no-modify-path --profile minimal --component rustfmt --component clippy
    rm -f "$script"
}

check_rust() {
    local wanted found component
    have cargo && have rustc || install_rust
    wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
    found=$(rustc --version | cut -d ' ' -f 2)
    [ "$(printf '%s\n' "$wanted" "${found%%-*}" | sort -V | head -n 1)" = "$wanted" ] ||
        fail "Rust $found is too old: $wanted or newer is needed (rustup update)"
    for component in fmt:rustfmt clippy:clippy; do
        cargo "${component%%:*}" --version >/dev/null 2>&1 && continue
        have rustup || fail "cargo ${component%%:*} is missing; install the package ${component#*:} of your Rust"
        rustup component add "${component#*:}"
    done
}

# For crates without the standard library (.ci/run lint). Who cannot have it is told there that the check is skipped.
install_bare_target() {
    local target=thumbv7em-none-eabi
    [ ! -d "$(rustc --print target-libdir --target "$target")" ] || return 0
    have rustup || return 0
    rustup target add "$target" || printf 'setup: cannot install the core library for %s\n' "$target" >&2
}

install_cargo_deny() {
    cargo deny --version >/dev/null 2>&1 || cargo install --locked cargo-deny
}

# A peer from PyPI, in an environment of its own.
install_python_peers() {
    local place="${XDG_CACHE_HOME:-$HOME/.cache}/sockeye/peers"
    [ -x "$place/bin/mllp_send" ] && return 0
    python3 -m venv "$place" 2>/dev/null || {
        [ "$(id -u)" = 0 ] || fail "missing: python3-venv; please run: sudo apt-get install python3-venv"
        apt-get install -y --no-install-recommends python3-venv
        python3 -m venv "$place"
    }
    "$place/bin/pip" install --quiet --disable-pip-version-check "hl7==0.4.5"
}

case "${1:-build}" in
    build)
        install_packages "${build[@]}" "${peers[@]}"
        install_python_peers
        check_rust
        install_bare_target
        install_cargo_deny
        ;;
    bench)
        install_packages "${build[@]}" "${bench[@]}" "${many[@]}"
        check_rust
        ;;
    *) fail "usage: scripts/setup.sh [build|bench]" ;;
esac
