# shellcheck shell=sh
# From words (pods, po/web-0, deploy.apps) to the tree's directories, and from its errors to kubectl's.

say() { printf '%s\n' "$*"; }
warn() { printf '%s\n' "$*" >&2; }
die() { warn "error: $*"; exit 1; }
failed=0
fail() { warn "$@"; failed=1; } # and go on with the next object

# lower TEXT
lower() { printf '%s' "$1" | tr '[:upper:]' '[:lower:]'; }
# Text as a quoted string of JSON and YAML. quote TEXT
quote() { printf '%s' "$1" | json_string; }
json_string() {
    sed 's/[\\"]/\\&/g' | LC_ALL=C awk 'BEGIN { printf "\"" } { gsub(/\t/, "\\t"); gsub(/\r/, "\\r"); printf "%s%s", (NR > 1 ? "\\n" : ""), $0 }
        END { printf "\"" }'
}
# A key as a file of the tree: file_of KEY, key_of FILE
file_of() { printf '%s' "$1" | sed 's/%/%25/g; s|/|%2F|g'; }
key_of() { printf '%s' "$1" | sed 's|%2F|/|g; s/%25/%/g'; }
# one value of the tree; nothing if it is not there
value() { cat "$1" 2>/dev/null; }
# key=value,... of a map: map_of DIRECTORY
map_of() {
    text=''
    for entry in "$1"/*; do [ -f "$entry" ] && text="$text,$(key_of "$(basename "$entry")")=$(value "$entry")"; done
    say "${text#,}"
}
# A top-level scalar of a status: status_of OBJECT FIELD
status_of() { sed -n "s/^$2: *\"\{0,1\}\([^\"]*\)\"\{0,1\}\$/\1/p" "$1/status" 2>/dev/null; }
json_path() { template=$1 awk -f "$lib/json.awk" "$2"; }
# seconds of 90, 1m30s, 500ms (at least one)
seconds() {
    say "$1" | awk '{ for (; match($0, /^[0-9.]+(ms|s|m|h|$)/); $0 = substr($0, RLENGTH + 1)) {
        n = $0 + 0; u = substr($0, 1, RLENGTH); gsub(/[0-9.]/, "", u)
        t += u == "ms" ? n / 1000 : u == "m" ? n * 60 : u == "h" ? n * 3600 : n }
        if ($0 != "" ) exit 1
        print (t > 0 && t < 1 ? 1 : int(t)) }' || die "invalid argument \"$1\" for a duration: 30s, 5m, 1h are"
}

# -- types --

# resolve TYPE: sets plural, group, resource ("deployments.apps"), word ("deployment.apps"), kind, api, namespaced, dir
resolve() {
    # shellcheck disable=SC2046 # words without blanks, by the tree
    set -- "$1" $(awk -v want="$(lower "$1")" 'NR > 1 {
        version = $(NF - 2); g = version; if (!sub(/\/.*/, "", g)) g = ""; sub(/.*\//, "", version)
        names = $1 "," tolower($NF) (NF == 5 ? "," $2 : "")
        n = split(names, name, ",")
        for (i = 1; i <= n; i++)
            if (want == name[i] || want == name[i] "." g || want == name[i] "." version "." g) {
                print $1, (g == "" ? "core" : g), version, $(NF - 1), $NF; exit
            } }' "$k/apis/_index")
    [ $# = 6 ] || { fail "error: the server doesn't have a resource type \"$1\""; return 1; }
    plural=$2 group=$3 namespaced=$5 kind=$6 dir=$k/apis/$3/$4/$2
    word=$(lower "$kind") resource=$plural api=$group/$4
    if [ "$group" = core ]; then
        group='' api=$4
    else
        word=$word.$group resource=$plural.$group
    fi
}
# The types of a word: all, or a list with commas.
types_of() {
    [ "$1" = all ] || { say "$1" | tr , '\n'; return; }
    awk 'NR > 1 && $NF ~ /(^|,)all(,|$)/ { print $1 ($0 ~ /[ ][a-z0-9.]+\/v[0-9a-z]+ / ? "." gensub_group($0) : "") }
        function gensub_group(s) { match(s, /[a-z0-9.-]+\/v[0-9a-z]+ /); s = substr(s, RSTART, RLENGTH); sub(/\/.*/, "", s); return s }' "$k/apis/_index.wide"
}

# -- objects --

# The directory that holds the resolved type's objects in the namespace (or in all).
place() {
    if [ "$namespaced" = true ] && [ -z "$all_namespaces" ]; then say "$dir/$namespace"; else say "$dir"; fi
}
object() { if [ "$namespaced" = true ]; then say "$dir/$namespace/$1"; else say "$dir/$1"; fi; }
name_of() { basename "$1"; }
# The namespace of an object's directory, nothing if it is cluster-scoped.
namespace_of() { value "$1/metadata/namespace"; }

# May it be read? (To root, that of a pod too, the `test` of busybox says yes unasked.) opens FILE
opens() { true 2>/dev/null <"$1"; }
# Is it there, or is what it would be in closed, so that nobody says? maybe DIRECTORY
maybe() { [ -d "$1" ] || ! ls -d "${1%/*}/_schema" >/dev/null 2>&1; }
# Why an object cannot be seen. missing OBJECT NAME
missing() {
    at=${1%/*}
    if maybe "$at" && ! opens "$at/_index"; then
        forbidden get "$2"
    else
        [ -n "$ignore_not_found" ] || fail "Error from server (NotFound): $resource \"$2\" not found"
    fi
}
# forbidden VERB [NAME]
forbidden() {
    what="$resource${2:+ \"$2\"} is forbidden: User \"$(sed -n 's/^user: //p' "$k/whoami")\" cannot $1 resource \"$plural\" in API group \"$group\""
    [ "$namespaced" = true ] && [ -z "$all_namespaces" ] && what="$what in the namespace \"$namespace\""
    [ "$namespaced" = true ] && [ -z "$all_namespaces" ] || what="$what at the cluster scope"
    fail "Error from server (Forbidden): $what"
}

# Is the selector one? Why not is told.
can_select() {
    [ -d "$(place)/@$(file_of "$selector")" ] || [ ! -d "$(place)" ] || { fail "error: $(tail -n 1 "$k/errors" | sed 's/^[^:]*: //')"; return 1; }
}
# The directories of all objects of the type, or of those that the selector matches. list_objects
list_objects() {
    base=$(place)
    if [ -n "$selector" ]; then
        set -- "$base/@$(file_of "$selector")"
        can_select || return
        for link in "$1"/*; do [ -d "$link" ] && (cd -P "$link" && pwd); done
        return 0
    fi
    opens "$base/_index" || ! maybe "$base" || { forbidden list; return 1; }
    case $namespaced$all_namespaces in
    true?*) set -- "$base"/*/*/ ;;
    *) set -- "$base"/*/ ;;
    esac
    for found; do [ -e "$found/metadata" ] && say "${found%/}"; done
    return 0
}

# each FUNCTION ARGUMENT...: FUNCTION OBJECT for all that the arguments name: TYPE[,TYPE] [NAME...], TYPE/NAME...,
# or those of files. The type is resolved then; what is not there is told, and goes into the exit status.
each() {
    action=$1
    shift
    if [ -n "$files" ]; then each_of_files "$action"; return; fi
    [ $# -gt 0 ] || die "You must provide one or more resources by argument or filename."
    case $1 in
    */*)
        for one; do resolve "${one%%/*}" && each_named "$action" "${one#*/}"; done
        return 0
        ;;
    esac
    types=$(types_of "$1")
    shift
    for one in $types; do
        resolve "$one" || continue
        if [ $# -gt 0 ]; then each_named "$action" "$@"; else each_listed "$action"; fi
    done
}
each_named() { # FUNCTION NAME...
    do=$1
    shift
    for name; do
        obj=$(object "$name")
        if [ -e "$obj/metadata" ]; then "$do" "$obj"; else missing "$obj" "$name"; fi
    done
}
each_listed() {
    list_objects >"$tmp/objects" || return
    while IFS= read -r obj <&8; do "$1" "$obj"; done 8<"$tmp/objects"
}
each_of_files() {
    split_files
    for doc in "$tmp/docs"/*; do
        identify "$doc" && each_named "$1" "$doc_name"
    done
}

# -- writing --

# put FILE < TEXT: one message. A refusal is told as kubectl tells the server's. put FILE WHAT
put() {
    told=$(wc -l <"$k/errors")
    LC_ALL=C dd bs=1048576 of="$1" conv=notrunc 2>"$tmp/said" || { refused "${2:-}"; return 1; }
}
# refused WHAT: says why the last write failed, from errno and the tree's own words
refused() {
    new=$(($(wc -l <"$k/errors") - told))
    text=$(tail -n "$((new > 0 ? new : 1))" "$k/errors" | sed 's/^[^ ]*: //; s/^[^ :]*:[0-9]*:[0-9]*: //')
    find_reason
    fail "Error from server ($reason): ${1:+$1: }$text"
}
# The server's reason for an errno ($tmp/said). Sets reason.
find_reason() {
    case $(cat "$tmp/said") in
    *'Permission denied'* | *'quota exceeded'*) reason=Forbidden ;;
    *busy*) reason=Conflict ;;
    *'No such file'*) reason=NotFound ;;
    *exists*) reason=AlreadyExists ;;
    *'not permitted'* | *'Invalid argument'* | *'Bad message'*) reason=Invalid ;;
    *) reason=InternalError ;;
    esac
}
# command OBJECT VERB [ARGUMENT...]: into its ctl
command_to() {
    what=$1
    shift
    say "$*" | put "$what/ctl" "$word \"$(name_of "$what")\""
}
stream() { cat "$1" 2>/dev/null; }
# What works beside us; it ends with us.
children=''
# await SECONDS FILE: the end of a stream; fails when the time is over, and when the stream does
await() {
    timeout "$1" cat "$2" >/dev/null 2>&1 &
    children="$children $!"
    wait $!
}
# The lines of a stream, until the reader closes it: follow FILE [SECONDS]; read <&7; unfollow
follow() {
    rm -f "$tmp/stream"
    mkfifo "$tmp/stream"
    ${2:+timeout} ${2:+"$2"} cat "$1" 2>/dev/null >"$tmp/stream" &
    follower=$!
    children="$children $!"
    exec 7<"$tmp/stream"
}
unfollow() {
    exec 7<&-
    kill "$follower" 2>/dev/null
    wait "$follower" 2>/dev/null
    return 0
}
# until_true SECONDS OBJECT COMMAND...: again at each change of the object. Fails when the time ("": for ever) is over.
until_true() {
    limit=$1 object=$2
    shift 2
    "$@" && return
    follow "$(dirname "$object")/_watch" "$limit"
    rc=1
    while read -r _ which _ <&7; do
        [ "${which##*/}" = "${object##*/}" ] || continue
        "$@" && rc=0 && break
    done
    unfollow
    return $rc
}
