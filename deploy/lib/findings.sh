# shellcheck shell=bash
# Findings of `doctor` that the shell makes; see deploy/admin/finding.h.

# finding LEVEL CHECK TEXT REMEDY
finding() {
    printf '%s\t%s\t%s\t%s\n' "$1" "$2" "${3//[$'\t\n']/ }" "${4//[$'\t\n']/ }"
}

# programs_look COMMAND...: whether each daemon can start with its settings, asked with
# `COMMAND DAEMON --check-config`.
programs_look() {
    local program said status

    for program in gateway authd projectd chatd filed traced; do
        said=$("$@" "$program" --check-config 2>&1 </dev/null)
        status=$?
        case $status in
        0) finding ok settings "$program: it can be started, and its settings are right" '' ;;
        78) finding bad settings "$program: ${said#<[0-7]>}" "correct the line that it names" ;;
        1) finding bad settings "$program: ${said#<[0-7]>}" \
            "look again; if it stays: free what is used up" ;;
        *) finding bad programs "$program: it cannot be started ($status): $said" \
            "install what is missing: deploy/up does, or apt-get install --fix-broken" ;;
        esac
    done
}
