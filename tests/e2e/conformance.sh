# What the tests of Kubernetes' conformance suite start from (tests/conformance/table.tsv has
# their ids). A file is an area: functions that are called after the ids, run one after the other on
# one daemon, each in a namespace of its own, $ns. Then `conform`:
#
#   . "$(dirname "$0")/conformance.sh"
#   C244() { write configmaps ...; equal ... }
#   conform
#
# A line `<id> pass|fail <why>` for each goes to $K8SFS_CONFORMANCE (scripts/conformance makes the
# page of them). What does not hold yet is named by `not_yet ID WHY`: it fails without failing the file.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

declare -A known_to_fail
# note WHY: said beside a test that passes, of how far its likeness goes
note() { echo "$*" >"$tmp/note"; }
not_yet() { known_to_fail[$1]=$2; }

result() { # ID pass|fail WHY
    echo "$2 $1${3:+: $3}"
    [ -n "${K8SFS_CONFORMANCE:-}" ] && printf '%s\t%s\t%s\n' "$1" "$2" "${3:-}" >>"$K8SFS_CONFORMANCE"
    :
}

# What each test of an area begins with: the area redefines it.
before_each() { :; }

# one ID: in a namespace of its own, its output kept until it is known how it went
one() {
    local id=$1 out
    ns=$(echo "$id" | tr 'A-Z' 'a-z')
    rm -f "$tmp/note"
    mkdir "$mnt/namespaces/$ns" || return 1
    if out=$(set +e; { before_each && "$id"; } 2>&1); then
        if [ -n "${known_to_fail[$id]:-}" ]; then
            result "$id" fail "is said not to hold yet, and does: take not_yet away"
            return 1
        fi
        result "$id" pass "$(cat "$tmp/note" 2>/dev/null)"
    elif [ -n "${known_to_fail[$id]:-}" ]; then
        result "$id" fail "${known_to_fail[$id]}"
    else
        echo "$out"
        result "$id" fail "$(echo "$out" | grep -m 1 FAILED | sed 's/^FAILED: //')"
        return 1
    fi
}

conform() {
    local id rc=0
    for id in $(declare -F | awk '$3 ~ /^C[0-9][0-9][0-9]$/ {print $3}' | sort); do
        [ -z "${ONLY:-}" ] || [ "$ONLY" = "$id" ] || continue
        one "$id" || rc=1
    done
    for id in "${!known_to_fail[@]}"; do
        declare -F "$id" >/dev/null || result "$id" fail "${known_to_fail[$id]}"
    done
    return $rc
}

# -- words --

# write RESOURCE NAME [NAMESPACE] <manifest: an object is created or applied
write() { cat >"$mnt/$1/${3:-$ns}/$2.yaml"; }
# its RESOURCE NAME: the object's directory
its() { echo "$mnt/$1/$ns/$2"; }
# names RESOURCE [@SELECTOR]: of the objects in $ns, sorted, on one line
names() {
    ls "$mnt/$1/$ns/${2:-}" 2>/dev/null | grep -v -e '\.yaml$' -e '\.err$' -e '^_' | sort | tr '\n' ' ' | sed 's/ $//'
}
are() { [ "$(names "$1" "${3:-}")" = "$2" ]; }
gone() { [ ! -e "$1" ]; }
# last_error: what was wrong with the last write
last_error() { tail -n 1 "$mnt/errors"; }
# used QUOTA KEY VALUE: for eventually
used() {
    [ "$(sed -n '/^used:/,$p' "$mnt/resourcequotas/$ns/$1/status" | sed -n "s|^  $2: *||p" | tr -d '"')" = "$3" ]
}
# An unscheduled pod: pod NAME [SPEC-LINES]
pod() {
    local spec=${2:-}
    [ -n "$spec" ] || spec='  containers: [{name: c, image: busybox}]'
    write pods "$1" <<Y
apiVersion: v1
kind: Pod
metadata: {name: $1, labels: {app: $1}}
spec:
  schedulerName: nobody
  terminationGracePeriodSeconds: 0
$spec
Y
}
