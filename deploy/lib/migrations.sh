# shellcheck shell=bash disable=SC2034,SC2154
# Migrations: <daemon>/migrations/NNNN_*.sql, applied once each and in order.
#
# Each file runs in one transaction with the rights of <daemon>_owner and the daemon's schema as
# search_path, and is recorded in <schema>.schema_version.  It waits at most a second for a lock,
# so that it never holds up the daemons that are working, and is tried again.
#
# What several daemons have (common/migrations/) is pulled in by lines `\ir FILE`, as psql has
# them.  They are read here, not by psql: that runs as a user who may not see the checkout.

daemons=(authd projectd chatd filed)
declare -A schemas=([authd]=auth [projectd]=project [chatd]=chat [filed]=file)

migration_tries=60

# migrations_apply PSQL...: brings all schemas up to date.  PSQL is the command that reaches the
# database as a superuser.  False: one failed, and it has been said which.
migrations_apply() {
    local daemon file version state
    local -A done_already=()

    state=$(migrations_state_sql | "$@" -X -q -A -t -v ON_ERROR_STOP=1 -f -) ||
        { warn "the schemas' versions cannot be read"; return 1; }
    for version in $state; do
        done_already[$version]=1
    done
    for daemon in "${daemons[@]}"; do
        for file in "$root/$daemon"/migrations/[0-9][0-9][0-9][0-9]_*.sql; do
            [[ -e $file ]] || continue
            version=${file##*/}
            version=$((10#${version%%_*}))
            [[ -n ${done_already[$daemon:$version]:-} ]] && continue
            migration_run "$daemon" "$version" "$file" "$@" || return 1
        done
    done
}

# Makes the tables of versions where there are none, and prints daemon:version lines.
migrations_state_sql() {
    local daemon schema

    echo "SET client_min_messages = warning;"
    for daemon in "${daemons[@]}"; do
        schema=${schemas[$daemon]}
        cat <<SQL
SELECT to_regclass('$schema.schema_version') IS NULL AS absent \\gset
\\if :absent
BEGIN;
SELECT pg_advisory_xact_lock(hashtext('chatbot migrations')) \\g /dev/null
SET LOCAL ROLE ${daemon}_owner;
CREATE TABLE IF NOT EXISTS $schema.schema_version (
    version integer PRIMARY KEY,
    applied_at timestamptz NOT NULL DEFAULT now()
);
REVOKE ALL ON $schema.schema_version FROM $daemon;
GRANT SELECT ON $schema.schema_version TO $daemon;
COMMIT;
\\endif
SELECT '$daemon:' || version FROM $schema.schema_version;
SQL
    done
}

# migration_lines FILE: its lines with what it pulls in, each as "FILE:NUMBER TAB LINE".
migration_lines() {
    local line number=0 file

    while IFS= read -r line || [[ -n $line ]]; do
        ((++number))
        if [[ $line == '\ir '* ]]; then
            file=$(realpath -e -- "${1%/*}/${line#'\ir '}") && migration_lines "$file" || return 1
        else
            printf '%s:%d\t%s\n' "${1#"$root/"}" "$number" "$line"
        fi
    done <"$1"
}

# One file's transaction; its lines come in.  The lock is taken first, without a limit of time:
# another migration may be at work, and what it did is not done again.
migration_sql() {
    local daemon=$1 version=$2 schema=${schemas[$1]}

    cat <<SQL
BEGIN;
SELECT pg_advisory_xact_lock(hashtext('chatbot migrations')) \\g /dev/null
SELECT NOT EXISTS (SELECT FROM $schema.schema_version WHERE version = $version) AS due \\gset
\\if :due
SET LOCAL lock_timeout = '1s';
SET LOCAL ROLE ${daemon}_owner;
SET LOCAL search_path = $schema;
SET LOCAL client_min_messages = warning;
SQL
    cut -f 2-
    printf '\n;INSERT INTO %s.schema_version (version) VALUES (%d);\n\\endif\nCOMMIT;\n' \
        "$schema" "$version"
}
migration_head_lines=8

migration_run() {
    local daemon=$1 version=$2 file=$3 try output lines
    local name=${file#"$root/"}

    shift 3
    lines=$(migration_lines "$file") || { warn "$name: it pulls in what is not there"; return 1; }
    for ((try = 1; ; try++)); do
        if output=$(migration_sql "$daemon" "$version" <<<"$lines" |
            "$@" -X -q -v ON_ERROR_STOP=1 -v VERBOSITY=verbose -f - 2>&1 >/dev/null); then
            say "$name: applied"
            return 0
        fi
        [[ $output == *' 55P03:'* ]] && ((try < migration_tries)) || break
        ((try > 1)) || say "$name: waiting for a lock"
        sleep 0.3
    done
    migration_explain "$name" "$lines" "$output" >&2
    return 1
}

# psql counts lines of what it was given; people count those of the file.
migration_explain() {
    local name=$1 line number
    local -a lines

    mapfile -t lines <<<"$name"$'\n'"$2"$'\n'"$name"
    while IFS= read -r line; do
        if [[ $line =~ ^psql:\<stdin\>:([0-9]+):\ (.*)$ ]]; then
            number=$((BASH_REMATCH[1] - migration_head_lines))
            printf '%s: %s\n' "${lines[number]%%$'\t'*}" "${BASH_REMATCH[2]}"
        else
            printf '%s\n' "$line"
        fi
    done <<<"$3"
}
