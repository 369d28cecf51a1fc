# shellcheck shell=bash disable=SC2034,SC2154
# Migrations: <daemon>/migrations/NNNN_*.sql, applied once each and in order.
#
# Each file runs in one transaction with the rights of <daemon>_owner and the daemon's schema as
# search_path, and is recorded in <schema>.schema_version.  It waits at most a second for a lock,
# so that it never holds up the daemons that are working, and is tried again.

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

# One file's transaction.  The lock is taken first, without a limit of time: another migration may
# be at work, and what it did is not done again.
migration_sql() {
    local daemon=$1 version=$2 file=$3 schema=${schemas[$1]}

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
    cat "$file"
    printf '\n;INSERT INTO %s.schema_version (version) VALUES (%d);\n\\endif\nCOMMIT;\n' \
        "$schema" "$version"
}
migration_head_lines=8

migration_run() {
    local daemon=$1 version=$2 file=$3 try output
    local name=${file#"$root/"}

    shift 3
    for ((try = 1; ; try++)); do
        if output=$(migration_sql "$daemon" "$version" "$file" |
            "$@" -X -q -v ON_ERROR_STOP=1 -v VERBOSITY=verbose -f - 2>&1 >/dev/null); then
            say "$name: applied"
            return 0
        fi
        [[ $output == *' 55P03:'* ]] && ((try < migration_tries)) || break
        ((try > 1)) || say "$name: waiting for a lock"
        sleep 0.3
    done
    migration_explain "$name" "$output" >&2
    return 1
}

# psql counts lines of what it was given; people count those of the file.
migration_explain() {
    local name=$1 line

    while IFS= read -r line; do
        if [[ $line =~ ^psql:\<stdin\>:([0-9]+):\ (.*)$ ]]; then
            printf '%s:%d: %s\n' "$name" "$((BASH_REMATCH[1] - migration_head_lines))" \
                "${BASH_REMATCH[2]}"
        else
            printf '%s\n' "$line"
        fi
    done <<<"$2"
}
