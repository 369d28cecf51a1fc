# shellcheck shell=bash disable=SC2034,SC2154
# Debian packages: what building and running needs, and how they get here.

packages_needed=(
    # build
    cmake gcc libc6-dev ninja-build pkg-config
    libargon2-dev libcivetweb-dev libcurl4-openssl-dev libjson-c-dev libmagic-dev liboath-dev libpq-dev
    libsqlite3-dev libssl-dev libsystemd-dev libzmq3-dev uthash-dev
    # run
    ca-certificates curl passwd util-linux
)
# Any PostgreSQL server that is there already will do; this one is installed otherwise.
packages_postgres=postgresql-15

# Sets missing: the packages that are not installed.
packages_find() {
    local package state
    local -A installed=()

    while read -r package state; do
        [[ $state == installed ]] && installed[$package]=1
    done < <(dpkg-query -W -f='${Package} ${db:Status-Status}\n' "${packages_needed[@]}" \
        2>/dev/null)
    missing=()
    for package in "${packages_needed[@]}"; do
        [[ -n ${installed[$package]:-} ]] || missing+=("$package")
    done
    compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=("$packages_postgres")
}

# Installs what is missing.  Not as root: prints the command, and ends with 3.
packages_ensure() {
    local missing

    command -v dpkg-query >/dev/null || die 3 "this needs Debian 12: there is no dpkg-query"
    packages_find
    ((${#missing[@]})) || return 0
    if ((EUID != 0)); then
        warn "packages are missing; as root:"
        say "apt-get update && apt-get install -y --no-install-recommends ${missing[*]}"
        exit 3
    fi
    say "installing packages: ${missing[*]}"
    packages_install "${missing[@]}"
}

packages_install() {
    local log status=0 apt=(apt-get -q -y -o DPkg::Lock::Timeout=300)
    local quiet_postgres=/etc/postgresql-common/createcluster.d/chatbot-up.conf

    log=$(mktemp) || die 1 "no temporary file can be made"
    # Installing the server makes and starts a cluster for the whole host; this forbids it, only
    # for as long as the installation takes.
    mkdir -p "${quiet_postgres%/*}" && echo 'create_main_cluster = false' >"$quiet_postgres"
    export DEBIAN_FRONTEND=noninteractive
    "${apt[@]}" update >"$log" 2>&1 </dev/null || warn "apt-get update failed; trying all the same"
    "${apt[@]}" install --no-install-recommends "$@" >>"$log" 2>&1 </dev/null || status=$?
    rm -f "$quiet_postgres"
    export -n DEBIAN_FRONTEND
    if ((status)); then
        tail -n 30 "$log" >&2
        rm -f "$log"
        die 1 "apt-get install failed"
    fi
    rm -f "$log"
}
