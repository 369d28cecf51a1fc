# shellcheck shell=bash disable=SC2034,SC2154
# Where an instance lives and as whom: service user, data directory, run directory, lock.
#
# As root, the data directory and what the supervisor itself writes there (log/, run/) belong to
# root, so that no process of the service user can make root write elsewhere; postgres/, blobs/,
# secret_key and the run directory belong to the service user.

service_user=chatbot-dev

# Makes the service user where there is none.
place_user_make() {
    ((EUID == 0)) && ! id -u "$service_user" >/dev/null 2>&1 || return 0
    useradd --system --user-group --no-create-home --home-dir /nonexistent \
        --shell /usr/sbin/nologin "$service_user" || die 1 "user $service_user cannot be made"
    say "made the system user $service_user, who runs everything"
}

# Sets drop: the command that takes away what processes do not need; root becomes service_user,
# others stay who they are.  False: there is no such user.
place_user() {
    local uid gid

    if ((EUID != 0)); then
        service_user=$(id -un 2>/dev/null) || die 1 "uid $EUID has no name; PostgreSQL needs one"
        drop=(setpriv --no-new-privs --)
        return
    fi
    uid=$(id -u "$service_user" 2>/dev/null) && gid=$(id -g "$service_user") || return
    drop=(setpriv --reuid="$uid" --regid="$gid" --clear-groups --no-new-privs --)
}

as_service() {
    "${drop[@]}" "$@"
}

# place_find DIR: sets asked (its full name), data and run_dir.  Makes nothing.
place_find() {
    local above hash

    asked=$(realpath -m -- "$1") || die 1 "$1: not a path"
    hash=$(printf %s "$asked" | sha256sum)
    hash=${hash:0:8}
    data=$asked
    if ((EUID == 0)); then
        above=${asked%/*}
        while [[ ! -d ${above:-/} ]]; do
            above=${above%/*}
        done
        as_service test -x "${above:-/}" || data=/var/lib/chatbot-dev/$hash
        run_dir=/run/chatbot-dev-$hash
    else
        # Not XDG_RUNTIME_DIR: it goes when its owner logs out, and a detached instance stays.
        run_dir=/tmp/chatbot-$EUID-$hash
    fi
    place_check
}

# Refuses a directory that somebody else could change under our hands, or that holds other things.
place_check() {
    [[ -e $data ]] || return 0
    [[ -d $data ]] || die 1 "$data is not a directory"
    [[ -O $data ]] || die 1 "$data belongs to $(stat -c %U "$data"): run this as that user," \
        "or choose another directory with --data"
    [[ -d $data/log || -z $(ls -A "$data") ]] ||
        die 1 "$data holds other things; choose an empty or new directory with --data"
}

# Makes the data directory; safe to repeat.
place_make() {
    {
        (umask 022 && mkdir -p "${data%/*}") &&
            (umask 077 && mkdir -p "$data" "$data/log" "$data/run")
    } 2>/dev/null || die 1 "$data cannot be made; choose another directory with --data"
    ((EUID != 0)) || { chgrp "$service_user" "$data" && chmod 710 "$data"; } ||
        die 1 "$data cannot be given to $service_user"
}

# Makes the directory of the files' contents, which is the service user's.
place_blobs_make() {
    mkdir -p "$data/blobs" && chmod 700 "$data/blobs" && { ((EUID != 0)) || chown "$service_user:" "$data/blobs"; } ||
        die 1 "$data/blobs cannot be made"
}

# Makes the directory that mails go to where no server takes them, which is the service user's.
place_mail_make() {
    mkdir -p "$data/mail" && chmod 700 "$data/mail" && { ((EUID != 0)) || chown "$service_user:" "$data/mail"; } ||
        die 1 "$data/mail cannot be made"
}

# Makes an empty run directory for sockets, short because their paths end at 107 bytes.
# place_run_open gives it away once the supervisor has written what it has to write.
place_run_make() {
    rm -rf -- "$run_dir"
    mkdir -m 700 "$run_dir" && mkdir -m 700 "$run_dir/bus" "$run_dir/env" ||
        die 1 "$run_dir cannot be made"
}

place_run_open() {
    ((EUID != 0)) || chown -R "$service_user:" "$run_dir" || die 1 "$run_dir cannot be given away"
}

# Sets lock_fd.  False: another process holds the lock.
place_lock() {
    exec {lock_fd}>>"$data/run/lock" || die 1 "$data/run/lock cannot be opened"
    flock -n "$lock_fd"
}
