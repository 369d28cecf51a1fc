# shellcheck shell=bash disable=SC2034,SC2154
# Backup and restore: the database, the contents of files and the keys as one archive, a tar:
#
#   manifest        lines of words: format, when it was made, versions of the schemas, rows of each
#                   table, and the dump's SHA-256
#   database.dump   of the four schemas, as pg_dump's custom format
#   keys/NAME       the secrets
#   blobs/          what BLOB_DIR holds, without archives of accounts, which go after two days
#
# The database comes first: a content is kept for an hour after its last file, so whatever the dump
# names is still there to be copied; whether that is true is looked at before the archive counts.
#
# Who sources this sets psql and pg_restore (arrays: the programs with what leads them to the server as
# its superuser, but for the database's name), pg_dump (the same for a process that psql starts), blobs
# (BLOB_DIR), and keys (an array of files); and reads console.sh and migrations.sh before.

backup_format='chatbot-backup 1'
backup_schemas=(auth project chat file)

# SQL that prints "rows SCHEMA.TABLE N" for every table.
backup_rows_sql() {
    cat <<'SQL'
SELECT format('SELECT %L || count(*) FROM %I.%I', format('rows %s.%s ', schemaname, tablename), schemaname, tablename)
  FROM pg_tables WHERE schemaname IN ('auth', 'project', 'chat', 'file') ORDER BY 1 \gexec
SQL
}

# The dump goes to descriptor 3, what the manifest says of it to the output: both of one snapshot.
backup_dump() {
    local schema dump

    dump=("${pg_dump[@]}" --format=custom)
    for schema in "${backup_schemas[@]}"; do
        dump+=(--schema="$schema")
    done
    # shellcheck disable=SC2016 # expanded by psql's shell
    {
        echo 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;'
        echo 'SELECT pg_export_snapshot() AS snapshot \gset'
        echo '\setenv SNAPSHOT :snapshot'
        for schema in "${backup_schemas[@]}"; do
            echo "SELECT 'schema $schema ' || max(version) FROM $schema.schema_version;"
        done
        backup_rows_sql
        echo '\! eval "$DUMP --snapshot=$SNAPSHOT chatbot" >&3 && echo dumped'
        echo 'COMMIT;'
    } | DUMP=$(printf '%q ' "${dump[@]}") "${psql[@]}" -X -q -A -t -v ON_ERROR_STOP=1 -d chatbot -f -
}

# backup_make DIR: makes DIR/chatbot-TIME.tar and sets archive to it.
backup_make() {
    local to=$1 work key status

    [[ -d $to && -w $to ]] || { warn "$to is not a directory that can be written to"; return 1; }
    archive=$to/chatbot-$(date -u +%Y%m%dT%H%M%SZ).tar
    [[ ! -e $archive ]] || { warn "$archive is there already"; return 1; }
    work=$(mktemp -d "$to/.chatbot-backup.XXXXXX") || return 1
    backup_work=$work
    mkdir "$work/keys"
    for key in "${keys[@]}"; do
        cp -- "$key" "$work/keys/" || return 1
    done
    backup_dump 3>"$work/database.dump" >"$work/said" || { warn "the database cannot be dumped"; return 1; }
    grep -qx dumped "$work/said" || { warn "pg_dump failed"; return 1; }
    {
        echo "$backup_format"
        date -u '+made %Y-%m-%dT%H:%M:%SZ'
        grep -vx dumped "$work/said"
        echo "dump $(sha256sum <"$work/database.dump" | cut -c 1-64)"
    } >"$work/manifest"
    tar --create --file "$work/archive" --exclude=./exports --transform='s,^\.\(/\|$\),blobs\1,' \
        -C "$work" manifest database.dump keys -C "$blobs" . 2>"$work/tar"
    status=$?
    # 1: a file changed or went meanwhile, which the check below judges
    ((status <= 1)) || { warn "$(<"$work/tar")"; return 1; }
    backup_check "$work/archive" || return 1
    sync "$work/archive" && mv -- "$work/archive" "$archive" && sync "$to" || return 1
}

# backup_entry ARCHIVE NAME
backup_entry() {
    tar --extract --to-stdout --file "$1" -- "$2"
}

# Whether it is an archive of ours whose dump is whole.  Sets manifest.
backup_open() {
    manifest=$(backup_entry "$1" manifest 2>/dev/null) && [[ $manifest == "$backup_format"$'\n'* ]] ||
        { warn "$1 is no archive of 'chatbot-admin backup'"; return 1; }
    [[ $'\n'$manifest$'\n' == *$'\n'"dump $(backup_entry "$1" database.dump | sha256sum | cut -c 1-64)"$'\n'* ]] ||
        { warn "$1: the dump is damaged"; return 1; }
}

backup_sql() {
    "${psql[@]}" -X -q -A -t -v ON_ERROR_STOP=1 "$@"
}

# Whether everything can be had back: restores it into a database of its own, counts every table, and
# reads every content.  Sets rows and contents, the numbers of both.
backup_check() {
    local archive=$1 scratch=chatbot_check_$$ said

    backup_open "$archive" &&
        backup_sql -d postgres -c "CREATE DATABASE $scratch TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'" ||
        return 1
    backup_scratch=$scratch
    said=$(backup_entry "$archive" database.dump |
        "${pg_restore[@]}" --exit-on-error --single-transaction -d "$scratch" 2>&1) ||
        { warn "the dump cannot be restored: $said"; return 1; }
    said=$(backup_rows_sql | backup_sql -d "$scratch" -f -) || return 1
    [[ $said == "$(grep '^rows ' <<<"$manifest")" ]] ||
        { warn "the restored tables differ:"$'\n'"$(diff <(grep '^rows ' <<<"$manifest") - <<<"$said")"; return 1; }
    rows=$(awk '{n += $3} END {print n + 0}' <<<"$said")
    backup_contents_check "$archive" "$scratch" || return 1
    backup_scratch_drop
}

# Every content that a file has is there, and is what its name says.
backup_contents_check() {
    local archive=$1 wanted found missing

    # shellcheck disable=SC2016 # expanded by tar's shell
    found=$(tar --extract --file "$archive" --wildcards 'blobs/*/*/*' \
        --to-command='echo "$(sha256sum | cut -c 1-64) $TAR_FILENAME"' 2>/dev/null |
        awk '{n = split($2, part, "/"); if (part[n] == $1) print part[2] " " $1}' | LC_ALL=C sort)
    wanted=$(backup_sql -d "$2" -F ' ' -c 'SELECT owner_id, sha256 FROM file.blob WHERE refs > 0' |
        LC_ALL=C sort) || return 1
    missing=$(LC_ALL=C comm -13 <(echo "$found") <(echo "$wanted") | grep .)
    [[ -z $missing ]] ||
        { warn "contents are missing or damaged (account, SHA-256):"$'\n'"$(head -n 5 <<<"$missing")"; return 1; }
    contents=$(grep -c . <<<"$wanted") || true # there may be none
}

backup_scratch_drop() {
    [[ -z ${backup_scratch:-} ]] || backup_sql -d postgres -c "DROP DATABASE IF EXISTS $backup_scratch"
    backup_scratch=
}

# Takes away what a run that failed leaves; for an EXIT trap.
backup_clean() {
    backup_scratch_drop
    [[ -z ${backup_work:-} ]] || rm -rf -- "$backup_work"
    backup_work=
}

# backup_tell JSON: what was made, for people or (JSON) for programs.
backup_tell() {
    if [[ -n $1 ]]; then
        printf '{"archive":"%s","bytes":%d,"rows":%d,"contents":%d,"keys":%d}\n' \
            "$archive" "$(stat -c %s "$archive")" "$rows" "$contents" "${#keys[@]}"
    else
        say "$archive: $rows rows, $contents contents, ${#keys[@]} keys; restored into a scratch database and compared"
    fi
}

# restore_database ARCHIVE: into a database chatbot that is made for it.  One that is there already is
# kept under the name chatbot_before_TIME.
restore_database() {
    local before output

    before=chatbot_before_$(date -u +%Y%m%d%H%M%S)
    if [[ -n $(backup_sql -d postgres -c "SELECT 1 FROM pg_database WHERE datname = 'chatbot'") ]]; then
        backup_sql -d postgres -c "ALTER DATABASE chatbot RENAME TO $before" ||
            { warn "the database is in use"; return 1; }
        say "the database that was here is now $before"
    fi
    output=$(backup_sql -d postgres <"$root/deploy/roles.sql" 2>&1 &&
        backup_sql -d chatbot -c 'SET client_min_messages = warning; DROP SCHEMA auth, project, chat, file CASCADE' 2>&1 &&
        backup_entry "$1" database.dump |
        "${pg_restore[@]}" --exit-on-error --single-transaction -d chatbot 2>&1 &&
        backup_sql -d postgres <"$root/deploy/roles.sql" 2>&1) ||
        { warn "the database cannot be restored: $output"; return 1; }
    migrations_apply "${psql[@]}" -d chatbot
}

# restore_contents ARCHIVE USER: in the place of BLOB_DIR; what was there stays beside it.
restore_contents() {
    local new=$blobs.restored before

    before=$blobs.before-$(date -u +%Y%m%d%H%M%S)
    rm -rf -- "$new" && mkdir -m 700 "$new" &&
        tar --extract --file "$1" --no-same-owner --strip-components=1 -C "$new" blobs || return 1
    ((EUID != 0)) || chown -R "$2:" "$new" || return 1
    [[ ! -d $blobs ]] || rmdir -- "$blobs" 2>/dev/null ||
        { mv -- "$blobs" "$before" && say "the contents that were here are now in $before"; } || return 1
    mv -- "$new" "$blobs" && sync -f "$blobs"
}
