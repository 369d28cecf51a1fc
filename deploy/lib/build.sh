# shellcheck shell=bash disable=SC2034,SC2154
# The programs: built in the checkout, and put where the service user can reach them.

programs=(gateway authd projectd chatd filed traced provider chatbot-admin)

# Builds them, unless BUILD_DIR names a place where they are.  Sets build: their directory.
build_ensure() {
    local program

    if [[ -n ${BUILD_DIR:-} ]]; then
        build=$BUILD_DIR
    else
        build=$root/build/release
        build_run
    fi
    for program in "${programs[@]}"; do
        [[ -x $build/$program ]] || die 1 "$build/$program is missing"
    done
}

build_run() {
    local lock log=$build/up.log

    if ! mkdir -p "$build" 2>/dev/null || [[ ! -w $build ]]; then
        build_read_only
        return
    fi
    exec {lock}>"$build.lock" && flock "$lock" || die 1 "$build.lock cannot be locked"
    # A checkout that was copied or moved brings settings of its old place.
    if [[ -f $build/CMakeCache.txt ]] &&
        ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$build/CMakeCache.txt"; then
        rm -rf -- "${build:?}"/CMake* "$build/build.ninja"
    fi
    if [[ ! -f $build/build.ninja ]]; then
        say "building in $build; this takes a while the first time"
        cmake -G Ninja -S "$root" -B "$build" >"$log" 2>&1 </dev/null || build_failed
    fi
    ninja -C "$build" "${programs[@]}" >"$log" 2>&1 </dev/null || build_failed
    : >"$build/up.stamp"
    exec {lock}>&-
}

build_failed() {
    grep -vE '^\[[0-9]+/[0-9]+\] (Building|Linking|Re-running)|^-- ' "$log" | tail -n 60 >&2
    die 1 "the build failed; all of its output is in $log"
}

# Somebody else's build directory will do as long as no source is newer than it. (ninja cannot
# tell without writing there.)
build_read_only() {
    [[ -f $build/up.stamp ]] && (
        cd "$root" && [[ -z $(find CMakeLists.txt gateway authd projectd chatd filed traced common proto \
            deploy/admin tests/provider -newer "$build/up.stamp" -print -quit) ]]
    ) || die 1 "$build is not up to date and cannot be written:" \
        "build as its owner, or set BUILD_DIR"
}

# Copies them into the data directory when the service user cannot reach them where they are.
# Nothing runs while this happens.
build_place() {
    local program

    as_service test -x "$build/gateway" && return
    mkdir -p "$data/bin"
    chmod 755 "$data/bin"
    for program in "${programs[@]}"; do
        cmp -s "$build/$program" "$data/bin/$program" ||
            install -m 755 "$build/$program" "$data/bin/$program" ||
            die 1 "$program cannot be copied to $data/bin"
    done
    build=$data/bin
}
