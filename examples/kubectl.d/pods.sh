# shellcheck shell=sh
# What is inside of pods: logs, exec, cp, top.

# The pods that POD or TYPE/NAME stands for (or -l), their directories in $tmp/pods. pods_of WORD...
pods_of() {
    : >"$tmp/pods"
    add_pod() { say "$1" >>"$tmp/pods"; }
    case ${1:-} in
    '') each add_pod pods ;;
    pod/* | pods/* | po/*) each add_pod "$1" ;;
    */*)
        owner=''
        find_owner() { owner=$1; }
        each find_owner "$1"
        [ -n "$owner" ] || return
        selector=$(selector_of "$owner")
        [ -n "$selector" ] || die "cannot attach to $1: selector is empty"
        each add_pod pods
        ;;
    *) each add_pod pods "$1" ;;
    esac
    resolve pods
}
# what a workload or a service selects
selector_of() { if [ -d "$1/spec/selector/matchLabels" ]; then map_of "$1/spec/selector/matchLabels"; else map_of "$1/spec/selector"; fi; }
# one of them: sets pod. one_pod WORD
one_pod() {
    pods_of "$@"
    pod=$(head -n 1 "$tmp/pods")
    [ -n "$pod" ] || { [ $failed = 1 ] || fail "error: no pods found for $1"; return 1; }
    [ "$(wc -l <"$tmp/pods")" = 1 ] || warn "Found $(wc -l <"$tmp/pods") pods, using pod/$(name_of "$pod")"
}
# The container that is meant, of the pod: -c, or the default one, told when there was a choice. container_of POD
container_of() {
    if [ -n "$container" ]; then
        [ -d "$1/containers/$container" ] || { fail "error: container $container is not valid for pod $(name_of "$1")"; return 1; }
        say "$container" && return
    fi
    chosen=$(value "$1/metadata/annotations/kubectl.kubernetes.io%2Fdefault-container")
    names=$(for c in "$1/containers"/*/; do name_of "$c"; done)
    [ -n "$chosen" ] || chosen=$(basename "$(dirname "$(readlink "$1/log")")")
    [ "$names" = "$chosen" ] || warn "Defaulted container \"$chosen\" out of: $(say "$names" | tr '\n' ',' | sed 's/,$//; s/,/, /g')"
    say "$chosen"
}

# -- logs --

cmd_logs() {
    [ $# -le 2 ] || die "expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'"
    [ $# -gt 0 ] || [ -n "$selector" ] || die "expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'"
    [ $# -lt 2 ] || container=$2
    if [ -n "$selector" ]; then pods_of && tail=${tail:-10}; else one_pod "$1" && say "$pod" >"$tmp/pods"; fi || return
    followers=''
    while IFS= read -r pod <&9; do
        if [ -n "$all_containers" ]; then
            for c in "$pod/containers"/*/; do log_of "$pod" "$(name_of "$c")"; done
        else
            c=$(container_of "$pod") && log_of "$pod" "$c" || failed=1
        fi
    done 9<"$tmp/pods"
    for pid in $followers; do wait "$pid"; done
}
# log_of POD CONTAINER
log_of() {
    log=$1/containers/$2/log
    [ -z "$previous" ] || log=$log.previous
    head -c 0 "$log" 2>"$tmp/said" || { resolve pods && plural=pods/log && forbidden get "$(name_of "$1")"; return; }
    if [ -n "$previous" ] && ! grep -q '^ *terminated:' "$1/containers/$2/status"; then
        fail "Error from server (BadRequest): previous terminated container \"$2\" in pod \"$(name_of "$1")\" not found"
        return
    fi
    if [ -z "$follow" ] && waiting=$(awk '/^  waiting:/ { w = 1 } w && /reason:/ { print $2; exit }' "$1/containers/$2/status") &&
        [ -n "$waiting" ] && [ ! -s "$log" ]; then
        fail "Error from server (BadRequest): container \"$2\" in pod \"$(name_of "$1")\" is waiting to start: $waiting"
        return
    fi
    line="[pod/$(name_of "$1")/$2] "
    if [ -n "$follow" ]; then
        follow_log "$log"
    else
        last_lines <"$log" | with_prefix
    fi
}
last_lines() { case ${tail:--1} in -1) cat ;; *) tail -n "$tail" ;; esac; }
with_prefix() { if [ -n "$prefix" ]; then sed "s|^|$line|"; else cat; fi; }
# Beside other logs. With --tail: how long the log is now says what is old.
follow_log() {
    pipe=$tmp/log.$(say "$followers" | wc -w)
    mkfifo "$pipe"
    had=0
    [ "${tail:--1}" = -1 ] || had=$(wc -c <"$1")
    [ "$had" = 0 ] || head -c "$had" "$1" | last_lines | with_prefix
    cat "$1.follow" 2>/dev/null >"$pipe" &
    children="$children $!"
    { tail -c "+$((had + 1))" | with_prefix; } <"$pipe" &
    followers="$followers $!"
}

# -- exec --

cmd_exec() {
    [ $# -gt 0 ] || die "pod, type/name or --filename must be specified"
    [ "$n_command" -gt 0 ] || die "you must specify at least one command for the container"
    one_pod "$1" || return
    shift $(($# - n_command))
    c=$(container_of "$pod") || return
    if [ -n "$tty" ] && ! [ -t 0 ]; then
        warn "Unable to use a TTY - input is not a terminal or the right kind of file"
        tty=''
    fi
    run_in "$pod" "$c" "$@"
}
# Words as a ctl file splits them.
plan9_words() {
    for word; do printf " '%s'" "$(printf '%s' "$word" | sed "s/'/''/g")"; done
}
# Rows and columns of our terminal; one that has none is taken for the usual.
terminal_size() { stty size 2>/dev/null | awk '$1 > 0 && $2 > 0 { print; sized = 1 } END { if (!sized) print "24 80" }'; }
# run_in POD CONTAINER COMMAND...: its input if -i, its output, its exit status. The conversation is there while fd 5 is open.
run_in() {
    room=$1/containers/$2/exec
    if ! { exec 5<"$room/clone"; } 2>"$tmp/said"; then
        resolve pods && plural=pods/exec && forbidden create "$(name_of "$1")"
        return
    fi
    read -r n <&5
    talk=$room/$n
    shift 2
    { [ -z "$tty" ] || say "tty $(terminal_size)"; } >"$tmp/command"
    say "exec$(plan9_words "$@")" >>"$tmp/command"
    put "$talk/ctl" <"$tmp/command" 2>"$tmp/why" || {
        sed 's/^Error from server ([A-Za-z]*): /error: Internal error occurred: error executing command in container: /' "$tmp/why" >&2
        return 1
    }
    if [ -n "$stdin" ]; then
        exec 6<&0
        cat <&6 >"$talk/stdin" 2>/dev/null &
        feeder=$!
        children="$children $!"
        exec 6<&-
    else
        : >"$talk/stdin"
        feeder=''
    fi
    if [ -n "$tty" ]; then converse_raw; else converse; fi
    read -r status <"$talk/status"
    [ -z "$feeder" ] || kill "$feeder" 2>/dev/null
    exec 5<&-
    [ "$status" = 0 ] || [ -n "$tty" ] || warn "command terminated with exit code $status"
    return "$status"
}
converse() {
    cat "$talk/stderr" >&2 2>/dev/null &
    errors=$!
    children="$children $!"
    stream "$talk/stdout"
    wait $errors
}
# The terminal's keys go through as they are; what size it has the other one gets, too.
converse_raw() {
    saved=$(stty -g)
    trap 'stty "$saved"; at_end' EXIT
    stty raw -echo
    cat "$talk/stdout" 2>/dev/null &
    out=$!
    children="$children $!"
    trap 'say "tty $(terminal_size)" >"$talk/ctl"' WINCH
    while kill -0 $out 2>/dev/null; do wait $out; done
    trap - WINCH
    stty "$saved"
    trap at_end EXIT
}

# -- cp --

cmd_cp() {
    [ $# = 2 ] || die "source and destination are required"
    case $1,$2 in
    *:*,*:*) die "one of src or dest must be a local file specification" ;;
    *:*,*) copy_from "${1%%:*}" "${1#*:}" "$2" ;;
    *,*:*) copy_to "$1" "${2%%:*}" "${2#*:}" ;;
    *) die "one of src or dest must be a remote file specification" ;;
    esac
}
# copy_place [NAMESPACE/]POD PATH: sets place, where that is in the tree. A relative path begins where commands do.
copy_place() {
    case $1 in */*) namespace=${1%%/*} ;; esac
    stdin=''
    one_pod "pod/${1##*/}" && c=$(container_of "$pod" 2>/dev/null) || return
    ls "$pod/containers/$c/root" >/dev/null 2>"$tmp/said" || { resolve pods && plural=pods/exec && forbidden create "$(name_of "$pod")"; return; }
    case $2 in /*) place=$2 ;; *) place=$(run_in "$pod" "$c" pwd)/$2 || return ;; esac
    place=$pod/containers/$c/root$place
}
# A directory's content goes into the directory of the new name.
copy() { if [ -d "$1" ]; then mkdir -p "$2" && cp -R "$1/." "$2/"; else cp "$1" "$2"; fi; }
copy_to() {
    copy_place "$2" "$3" || return
    [ -e "$1" ] || die "$1 doesn't exist in local filesystem"
    [ ! -d "$place" ] || place=${place%/}/$(basename "$1")
    copy "$1" "$place"
}
copy_from() {
    copy_place "$1" "$2" || return
    copy "$place" "$3"
}

# -- top: the use of CPU between two looks, a second apart --

cmd_top() {
    what=${1:-}
    [ $# = 0 ] || shift
    case $what in
    po | pod | pods) top_pods "$@" ;;
    no | node | nodes) top_nodes "$@" ;;
    *) die "kubectl top pods|nodes [NAME...]" ;;
    esac
}
# A line for each container that runs: namespace, pod, container, cpu_usec, memory, node. look POD...
look() {
    while IFS= read -r pod <&9; do
        for c in "$pod/containers"/*/; do
            [ -s "$c/stats" ] && awk -v who="$(namespace_of "$pod") $(name_of "$pod") $(name_of "$c")" -v node="$(value "$pod/spec/nodeName")" \
                '/^cpu_usec/ { cpu = $2 } /^memory_bytes/ { m = $2 } END { print who, cpu, m, node }' "$c/stats"
        done
    done 9<"$tmp/pods"
}
measure() {
    date +%s.%N >"$tmp/times"
    look >"$tmp/first"
    sleep 1
    date +%s.%N >>"$tmp/times"
    look >"$tmp/second"
}
top_pods() {
    : >"$tmp/pods"
    add_pod() { say "$1" >>"$tmp/pods"; }
    each add_pod pods "$@"
    [ -s "$tmp/pods" ] || { [ $failed = 1 ] || nothing_found; return 0; }
    measure
    awk -v by_container="$containers" -v all="$all_namespaces" -v plain="$no_headers" '
        FILENAME ~ /times$/ { time[FNR] = $1; next }
        FILENAME ~ /first$/ { before[$1, $2, $3] = $4; next }
        { key = by_container == "" ? $2 : $2 "\t" $3; if (all != "") key = $1 "\t" key
          if (!(key in mem)) order[++n] = key
          if (($1, $2, $3) in before) cpu[key] += $4 - before[$1, $2, $3]
          mem[key] += $5 }
        END { if (plain == "") print (all == "" ? "" : "NAMESPACE\t") (by_container == "" ? "NAME" : "POD\tNAME") "\tCPU(cores)\tMEMORY(bytes)"
          for (i = 1; i <= n; i++) printf "%s\t%dm\t%dMi\n", order[i], cpu[order[i]] / 1000 / (time[2] - time[1]) + 0.5, mem[order[i]] / 1048576 }
    ' "$tmp/times" "$tmp/first" "$tmp/second" | columns_of
}
# What its pods use, of what the node can give.
top_nodes() {
    all_namespaces=yes
    : >"$tmp/pods"
    add_pod() { say "$1" >>"$tmp/pods"; }
    (selector='' && each add_pod pods)
    measure
    : >"$tmp/nodes"
    add_node() {
        say "$(name_of "$1") $(awk '/^allocatable:/ { a = 1; next } /^[a-z]/ { a = 0 } a && $1 == "cpu:" { c = $2 } a && $1 == "memory:" { m = $2 }
            END { gsub(/"/, "", c); c = c ~ /m$/ ? c + 0 : c * 1000
            u = m; gsub(/[0-9."]/, "", u); f = u == "Ki" ? 1024 : u == "Mi" ? 1048576 : u == "Gi" ? 1073741824 : 1
            gsub(/"/, "", m); print c, (m + 0) * f }' "$1/status")" >>"$tmp/nodes"
    }
    each add_node nodes "$@"
    awk -v plain="$no_headers" '
        FILENAME ~ /times$/ { time[FNR] = $1; next }
        FILENAME ~ /first$/ { before[$1, $2, $3] = $4; next }
        FILENAME ~ /second$/ { if (($1, $2, $3) in before) cpu[$6] += $4 - before[$1, $2, $3]; mem[$6] += $5; next }
        FNR == 1 && plain == "" { print "NAME\tCPU(cores)\tCPU(%)\tMEMORY(bytes)\tMEMORY(%)" }
        { milli = cpu[$1] / 1000 / (time[2] - time[1]) + 0.5
          printf "%s\t%dm\t%d%%\t%dMi\t%d%%\n", $1, milli, $2 ? 100 * milli / $2 : 0, mem[$1] / 1048576, $3 ? 100 * mem[$1] / $3 : 0 }
    ' "$tmp/times" "$tmp/first" "$tmp/second" "$tmp/nodes" | columns_of
}
