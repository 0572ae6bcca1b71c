# shellcheck shell=sh
# What takes its time: rollout, wait; and nodes: cordon, uncordon, drain, taint.

cmd_rollout() {
    how=${1:-}
    [ $# -gt 0 ] && shift
    case $how in
    status | history) each "rollout_$how" "$@" ;;
    restart) rollout_word=restarted && each rollout_command "$@" ;;
    pause) rollout_word=paused && each rollout_command "$@" ;;
    resume) rollout_word=resumed && each rollout_command "$@" ;;
    undo) rollout_word='rolled back' && each rollout_command "$@" ;;
    *) die "kubectl rollout status|history|undo|restart|pause|resume TYPE/NAME" ;;
    esac
}
rollout_command() {
    case $how in
    undo) set -- "$1" undo ${revision:+"$revision"} ;;
    pause) [ "$(value "$1/spec/paused")" != true ] || { fail "error: $resource \"$(name_of "$1")\" is already paused"; return; } && set -- "$1" pause ;;
    resume) [ "$(value "$1/spec/paused")" = true ] || { fail "error: $resource \"$(name_of "$1")\" is not paused"; return; } && set -- "$1" resume ;;
    *) set -- "$1" "$how" ;;
    esac
    command_to "$@" && say "$word/$(name_of "$1") $rollout_word"
}

# -- status --

# number OBJECT FIELD: of the status, 0 if it says nothing
number() {
    n=$(status_of "$1" "$2")
    say "${n:-0}"
}
rollout_status() {
    last_said=''
    case $kind in Deployment | DaemonSet | StatefulSet) ;; *) die "no status viewer has been implemented for $kind" ;; esac
    [ "$wait" = true ] || { rolled_out "$1" || :; return; }
    until_true "$timeout" "$1" rolled_out "$1" || fail "error: timed out waiting for the condition"
}
# tell TEXT: once
tell() { [ "$last_said" = "$*" ] || say "$*"; last_said=$*; }
# Has it come to its end? Says where it is. rolled_out OBJECT
rolled_out() {
    name=$(name_of "$1")
    [ -e "$1/metadata" ] || die "object has been deleted"
    if [ "$(value "$1/metadata/generation")" != "$(number "$1" observedGeneration)" ]; then
        tell "Waiting for $(lower "$kind") spec update to be observed..."
        return 1
    fi
    updated=$(number "$1" updatedReplicas) wanted=$(value "$1/spec/replicas")
    "rolled_out_$kind" "$1"
}
rolled_out_Deployment() {
    total=$(number "$1" replicas) available=$(number "$1" availableReplicas)
    if grep -q 'reason: ProgressDeadlineExceeded' "$1/status"; then die "deployment \"$name\" exceeded its progress deadline"; fi
    if [ "$updated" -lt "$wanted" ]; then
        tell "Waiting for deployment \"$name\" rollout to finish: $updated out of $wanted new replicas have been updated..."
    elif [ "$total" -gt "$updated" ]; then
        tell "Waiting for deployment \"$name\" rollout to finish: $((total - updated)) old replicas are pending termination..."
    elif [ "$available" -lt "$updated" ]; then
        tell "Waiting for deployment \"$name\" rollout to finish: $available of $updated updated replicas are available..."
    else
        tell "deployment \"$name\" successfully rolled out"
        return 0
    fi
    return 1
}
rolled_out_DaemonSet() {
    updated=$(number "$1" updatedNumberScheduled) wanted=$(number "$1" desiredNumberScheduled) available=$(number "$1" numberAvailable)
    if [ "$updated" -lt "$wanted" ]; then
        tell "Waiting for daemon set \"$name\" rollout to finish: $updated out of $wanted new pods have been updated..."
    elif [ "$available" -lt "$wanted" ]; then
        tell "Waiting for daemon set \"$name\" rollout to finish: $available of $wanted updated pods are available..."
    else
        tell "daemon set \"$name\" successfully rolled out"
        return 0
    fi
    return 1
}
rolled_out_StatefulSet() {
    ready=$(number "$1" readyReplicas)
    if [ "$ready" -lt "$wanted" ]; then
        tell "Waiting for $((wanted - ready)) pods to be ready..."
    elif [ "$(status_of "$1" updateRevision)" != "$(status_of "$1" currentRevision)" ]; then
        tell "waiting for statefulset rolling update to complete $updated pods at revision $(status_of "$1" updateRevision)..."
    else
        tell "statefulset rolling update complete $(number "$1" currentReplicas) pods at revision $(status_of "$1" currentRevision)..."
        return 0
    fi
    return 1
}

# -- history: of a Deployment its ReplicaSets, of others their ControllerRevisions --

rollout_history() (
    say "$word/$(name_of "$1") "
    uid=$(value "$1/metadata/uid")
    if [ "$kind" = Deployment ]; then at=replicasets; else at=controllerrevisions; fi
    resolve $at
    for one in "$(place)"/*/; do
        [ -e "$one/metadata/ownerReferences/$uid" ] || continue
        if [ $at = replicasets ]; then n=$(value "$one/metadata/annotations/deployment.kubernetes.io%2Frevision"); else n=$(value "$one/revision"); fi
        cause=$(value "$one/metadata/annotations/kubernetes.io%2Fchange-cause")
        say "$n $one ${cause:-<none>}"
    done | sort -n >"$tmp/revisions"
    if [ -n "$revision" ]; then
        one=$(awk -v n="$revision" '$1 == n { print $2 }' "$tmp/revisions")
        [ -n "$one" ] || die "unable to find the specified revision"
        say "with revision #$revision"
        awk '/^Pod Template:/ { t = 1 } /^[A-Z]/ && !/^Pod Template:/ { t = 0 } t' "$one/describe"
        exit
    fi
    say "REVISION  CHANGE-CAUSE"
    awk '{ n = $1; $1 = $2 = ""; sub(/^ +/, ""); printf "%-10s%s\n", n, $0 }' "$tmp/revisions"
    say ''
)

# -- wait --

cmd_wait() {
    [ -n "$for" ] || die "unrecognized condition: \"\""
    deadline=$(($(date +%s) + ${timeout:-30})) waited=no
    case $for in
    create) await_creation "$@" && return ;;
    delete) ignore_not_found=yes waited=yes ;; # what is gone already is what was waited for
    esac
    each wait_for "$@"
    [ $waited = yes ] || [ $failed = 1 ] || die "no matching resources found"
}
remaining() {
    left=$((deadline - $(date +%s)))
    say $((left > 0 ? left : 1))
}
wait_for() {
    waited=yes name=$(name_of "$1")
    case $for in
    delete) await "$(remaining)" "$1/wait/Deleted" || [ ! -e "$1/metadata" ] ;;
    condition=*=[Tt]rue | condition=*=False | condition=*=Unknown) until_true "$(remaining)" "$1" condition_is "$1" "${for#condition=}" ;;
    condition=*) await "$(remaining)" "$1/wait/${for#condition=}" ;;
    jsonpath=*) until_true "$(remaining)" "$1" path_is "$1" "${for#jsonpath=}" ;;
    *) die "unrecognized condition: \"$for\"" ;;
    esac || {
        fail "error: timed out waiting for the condition on $resource/$name"
        return
    }
    say "$word/$name condition met"
}
# condition_is OBJECT TYPE=STATUS
condition_is() {
    [ "$(lower "$(json_path "{.status.conditions[?(@.type==\"${2%%=*}\")].status}" "$1/object.json")")" = "$(lower "${2#*=}")" ]
}
# path_is OBJECT {PATH}[=VALUE]: without a value, that there is one
path_is() {
    found=$(json_path "${2%%\}*}}" "$1/object.json") || exit
    case $2 in
    *\}=*) [ "$found" = "${2#*\}=}" ] ;;
    *) [ -n "$found" ] ;;
    esac
}
await_creation() { # TYPE/NAME...
    for one; do
        resolve "${one%%/*}" || continue
        obj=$(object "${one#*/}")
        if until_true "$(remaining)" "$obj" test -e "$obj/metadata"; then
            say "$word/${one#*/} condition met"
        else
            fail "error: timed out waiting for the condition on $resource/${one#*/}"
        fi
    done
}

# -- nodes --

cmd_cordon() { each_node cordon_node "$@"; }
cmd_uncordon() { each_node uncordon_node "$@"; }
each_node() { # FUNCTION NODE...
    [ $# -gt 1 ] || [ -n "$selector" ] || die "USAGE: $command NODE"
    for_node=$1
    shift
    each "$for_node" nodes "$@"
}
cordon_node() {
    [ "$(value "$1/spec/unschedulable")" != true ] || { say "node/$(name_of "$1") already cordoned"; return; }
    command_to "$1" cordon && say "node/$(name_of "$1") cordoned"
}
uncordon_node() {
    [ "$(value "$1/spec/unschedulable")" = true ] || { say "node/$(name_of "$1") already uncordoned"; return; }
    command_to "$1" uncordon && say "node/$(name_of "$1") uncordoned"
}
cmd_drain() { each_node drain_node "$@"; }
# First what speaks against it, then the tree's own drain, then the pods' ends.
drain_node() {
    node=$(name_of "$1") node_dir=$1
    cordon_node "$1"
    all_namespaces=yes
    resolve pods
    : >"$tmp/bare" && : >"$tmp/daemons" && : >"$tmp/local" && : >"$tmp/leaving"
    selector='' list_objects | while IFS= read -r pod; do
        [ "$(value "$pod/spec/nodeName")" = "$node" ] || continue
        id=$(namespace_of "$pod")/$(name_of "$pod") owner=$(cat "$pod"/metadata/ownerReferences/*/kind 2>/dev/null)
        case $owner in
        DaemonSet) say "$id" >>"$tmp/daemons" && continue ;;
        '') say "$id" >>"$tmp/bare" ;;
        esac
        ! ls -d "$pod"/spec/volumes/*/emptyDir >/dev/null 2>&1 || say "$id" >>"$tmp/local"
        say "$id" >>"$tmp/leaving"
    done
    reasons=''
    against() { # FILE FLAG TEXT
        [ ! -s "$1" ] || [ -n "$2" ] || reasons="$reasons${reasons:+, }cannot delete $3: $(paste -s -d , "$1" | sed 's/,/, /g')"
    }
    against "$tmp/daemons" "$ignore_daemonsets" "DaemonSet-managed Pods (use --ignore-daemonsets to ignore)"
    against "$tmp/local" "$delete_emptydir" "Pods with local storage (use --delete-emptydir-data to override)"
    against "$tmp/bare" "$force" "Pods that declare no controller (use --force to override)"
    [ -z "$reasons" ] || { fail "error: unable to drain node \"$node\" due to error: $reasons, continuing command..."; return; }
    [ ! -s "$tmp/daemons" ] || warn "Warning: ignoring DaemonSet-managed Pods: $(paste -s -d , "$tmp/daemons" | sed 's/,/, /g')"
    sed 's/^/evicting pod /' "$tmp/leaving"
    resolve nodes
    command_to "$node_dir" drain || return
    deadline=$(($(date +%s) + ${timeout:-31536000}))
    resolve pods
    while IFS= read -r id <&9; do
        pod=$dir/$id
        await "$(remaining)" "$pod/wait/Deleted" || [ ! -e "$pod/metadata" ] || { fail "error when waiting for pod \"$id\" terminating: global timeout reached"; return; }
        say "pod/${id#*/} evicted"
    done 9<"$tmp/leaving"
    say "node/$node drained"
}

# taint nodes NAME... KEY[=VALUE]:EFFECT...; KEY[:EFFECT]- takes away
cmd_taint() {
    taints='' words=$#
    while [ "$words" -gt 0 ]; do
        case $1 in *:* | *-) taints=$taints$1$newline ;; *) set -- "$@" "$1" ;; esac
        shift
        words=$((words - 1))
    done
    [ -n "$taints" ] || die "at least one taint update is required"
    each taint_node "$@"
}
# The whole list is written, for the version that it was read of.
taint_node() {
    template='{range .spec.taints[*]}{.key}={.value}:{.effect}{"\n"}{end}' awk -f "$lib/json.awk" "$1/object.json" >"$tmp/taints"
    printf '%s' "$taints" >"$tmp/changes"
    list=$(awk -v overwrite="$overwrite" '
        function key_of(t) { sub(/[=:].*/, "", t); return t }
        function effect_of(t) { return t ~ /:/ ? substr(t, index(t, ":") + 1) : "" }
        FILENAME ~ /taints$/ { have[++n] = $0; next }
        /-$/ {
            t = substr($0, 1, length($0) - 1); gone = 0
            for (i = 1; i <= n; i++)
                if (have[i] != "" && key_of(have[i]) == key_of(t) && (effect_of(t) == "" || effect_of(have[i]) == effect_of(t))) { have[i] = ""; gone = 1 }
            if (!gone) { print "taint \"" t "\" not found" >"/dev/stderr"; bad = 1; exit }
            next
        }
        {
            t = $0 ~ /=/ ? $0 : key_of($0) "=:" effect_of($0)
            for (i = 1; i <= n; i++)
                if (have[i] != "" && key_of(have[i]) == key_of(t) && effect_of(have[i]) == effect_of(t)) {
                    if (overwrite == "" && have[i] != t) { print "already has " key_of(t) " taint(s) with same effect(s) and --overwrite is false" >"/dev/stderr"; bad = 1; exit }
                    have[i] = ""
                }
            have[++n] = t
        }
        END {
            if (bad) exit 1
            for (i = 1; i <= n; i++) if (have[i] != "") {
                v = have[i]; sub(/^[^=]*=/, "", v); sub(/:[^:]*$/, "", v)
                out = out (out == "" ? "" : ", ") "{\"key\": \"" key_of(have[i]) "\", \"value\": \"" v "\", \"effect\": \"" effect_of(have[i]) "\"}"
            }
            print "[" out "]"
        }' "$tmp/taints" "$tmp/changes" 2>"$tmp/why") || { fail "error: node $(name_of "$1") $(cat "$tmp/why")"; return; }
    case $taints in *:*[!-]"$newline"*) done_word=tainted ;; *) done_word=untainted ;; esac
    say "{\"metadata\": {\"resourceVersion\": \"$(version_of "$1")\"}, \"spec\": {\"taints\": $list}}" | patch_object "$1" patch.merge $done_word
}
