# shellcheck shell=sh
# What changes objects: apply, create, replace, delete, diff, edit, patch, label, annotate, scale, set, run.

# -- manifests: files in, one document at a time --

# The documents of -f, each in a file of $tmp/docs, with the namespace of -n where they name none.
split_files() {
    rm -rf "$tmp/docs" "$tmp/inputs"
    mkdir "$tmp/docs"
    : >"$tmp/inputs"
    printf '%s' "$files" | while IFS= read -r file; do
        case $file in
        -) cat <&3 >"$tmp/stdin" && say "$tmp/stdin" ;;
        *)
            if [ -d "$file" ]; then
                find "$file" $([ -n "$recursive" ] || say -maxdepth 1) -type f \( -name '*.yaml' -o -name '*.yml' -o -name '*.json' \) | LC_ALL=C sort
            elif [ -r "$file" ]; then
                say "$file"
            else
                warn "error: the path \"$file\" does not exist" && : >"$tmp/no-file"
            fi
            ;;
        esac
    done >"$tmp/inputs"
    [ ! -e "$tmp/no-file" ] || exit 1
    while IFS= read -r file; do
        mkdir -p "$tmp/one"
        if [ "$namespace" = default ]; then into=''; else into=$namespace; fi
        docs=$tmp/one namespace=$into index=$k/apis/_index awk -f "$lib/manifest.awk" "$file"
        for doc in "$tmp/one"/*; do
            n_docs=$((${n_docs:-0} + 1))
            [ -e "$doc" ] && mv "$doc" "$tmp/docs/$(printf %05d $n_docs)" && say "$file" >>"$tmp/sources"
        done
    done <"$tmp/inputs"
    set -- "$tmp/docs"/*
    [ -e "$1" ] || die "no objects passed to $command"
}
# What a document is: tried without being stored, and read back. Sets doc_name, doc_ns, obj and the type;
# $tmp/would is what would be stored. identify DOCUMENT
identify() {
    try=$k/dry-run/kubectl-$$.yaml
    if ! LC_ALL=C cp "$1" "$try" 2>"$tmp/said"; then
        refused_document "$1" "$(sed 's/^[^:]*:\([0-9]*\):[0-9]*: /line \1: /' "$try.err" 2>/dev/null)"
        rm -f "$try"
        return 1
    fi
    unmanaged yaml <"$try" >"$tmp/would"
    rm -f "$try"
    # shellcheck disable=SC2046 # a document of the tree: words without blanks
    set -- $(awk '/^---/ { exit } { gsub(/"/, "") } /^apiVersion: / { v = $2 } /^kind: / { k = $2 } /^[a-z]/ { top = $1 }
        top == "metadata:" && /^  name: / { name = $2 } top == "metadata:" && /^  namespace: / { ns = $2 }
        END { g = v; sub(/.*\//, "", v); if (!sub(/\/.*/, "", g)) g = ""; print k "." v (g == "" ? "" : "." g), name, ns }' "$tmp/would")
    resolve_kind "$1" || return 1
    doc_name=$2 doc_ns=${3:-}
    namespace=${doc_ns:-$namespace}
    obj=$(object "$doc_name")
}
resolve_kind() { # KIND.VERSION.GROUP; a version that is not the preferred one, too
    case $1 in
    *.*.*) resolve "${1%%.*}.${1#*.*.}" ;;
    *) resolve "${1%%.*}" ;;
    esac
}
doing() {
    case $command in apply) say applying ;; get | describe) say retrieving ;; diff) say comparing ;; *) say "${command%e}ing" ;; esac
}
refused_document() { # DOCUMENT FAULTS
    find_reason
    why=${2:-$(tail -n 1 "$k/errors")}
    case $(source_of "$1") in
    "$tmp/made") fail "error: failed to create $(lower "$kind"): ${why#line *: }" ;;
    *) fail "Error from server ($reason): error when $(doing) \"$(source_of "$1")\": $why" ;;
    esac
}
source_of() { sed -n "$(basename "$1" | sed 's/^0*//')p" "$tmp/sources" 2>/dev/null | sed 's|^/.*/kubectl\.[^/]*/stdin$|STDIN|'; }
version_of() { value "$1/metadata/resourceVersion"; }

# Where our manifests are in apply/: names there are of who takes them first.
mine() { say "kubectl-$(sed -n 's/^user: //p' "$k/whoami")"; }
# store DOCUMENT: the object's manifest there. That it is the same as before must not matter, so it tells the time.
store() {
    manifest=$k/apply/$(mine)/$resource/$namespace
    mkdir -p "$manifest" || return
    { say "# kubectl $command, $(date -u +%Y-%m-%dT%H:%M:%SZ) $$" && sed '/./,$!d' "$1"; } >"$tmp/manifest"
    LC_ALL=C cp "$tmp/manifest" "$manifest/$doc_name.yaml" 2>"$tmp/said" && return
    refused_document "$1" "$(cat "$manifest/$doc_name.yaml.err" 2>/dev/null)"
    return 1
}
# What was written, in the format of -o; else the word. report WORD
report() {
    case $output in
    '') say "$word/$doc_name $1" ;;
    name) say "$word/$doc_name" ;;
    yaml | json) without_managed_fields "$obj" "$output" ;;
    *) die "unable to match a printer suitable for the output format \"$output\"" ;;
    esac
}
each_document() { # FUNCTION
    [ -n "$files" ] || die "must specify one of -f and -k"
    split_files
    kept=$namespace
    for doc in "$tmp/docs"/*; do
        namespace=$kept
        identify "$doc" && "$1" "$doc"
    done
    namespace=$kept
}

cmd_apply() { each_document apply_document; }
apply_document() {
    outcome=created
    if [ -e "$obj/metadata" ]; then
        outcome=configured
        without_managed_fields "$obj" yaml | desired >"$tmp/live"
        desired <"$tmp/would" | cmp -s - "$tmp/live" && outcome=unchanged
    fi
    if [ -n "$dry_run" ]; then
        case $output in yaml) cat "$tmp/would" ;; *) say "$word/$doc_name $outcome (server dry run)" ;; esac
    else
        store "$1" && report $outcome
    fi
}
# An object without what the system keeps there.
desired() { sed -e '/^  resourceVersion: /d; /^  generation: /d; /^status:/,/^[a-z]/{/^status:/d; /^[ -]/d;}'; }
create_document() {
    [ ! -e "$obj/metadata" ] || {
        fail "Error from server (AlreadyExists): ${source:+error when creating \"$(source_of "$1")\": }$resource \"$doc_name\" already exists"
        return
    }
    case $dry_run in
    '') store "$1" && report created ;;
    *) case $output in yaml) cat "$tmp/would" ;; *) say "$word/$doc_name created (server dry run)" ;; esac ;;
    esac
}
cmd_replace() { each_document replace_document; }
replace_document() {
    [ -e "$obj/metadata" ] || { missing "$obj" "$doc_name"; return; }
    put "$obj/object.yaml" "$word \"$doc_name\"" <"$1" && say "$word/$doc_name replaced"
}
cmd_diff() {
    differs=0
    mkdir "$tmp/LIVE" "$tmp/MERGED"
    diff_document() {
        file=$(say "$api.$kind.$namespace.$doc_name" | tr / .)
        [ ! -e "$obj/metadata" ] || without_managed_fields "$obj" yaml | desired >"$tmp/LIVE/$file"
        desired <"$tmp/would" >"$tmp/MERGED/$file"
    }
    each_document diff_document
    [ $failed = 0 ] || exit 2
    # shellcheck disable=SC2086 # a command and its arguments
    (cd "$tmp" && ${KUBECTL_EXTERNAL_DIFF:-diff -u -N -r} LIVE MERGED) || differs=1
    return $differs
}

# -- create without a file --

cmd_create() {
    if [ -n "$files" ]; then source=yes && each_document create_document; return; fi
    case ${1:-} in
    ns) set -- namespace "$2" ;;
    cm) set -- configmap "$2" ;;
    deploy) set -- deployment "$2" ;;
    sa) set -- serviceaccount "$2" ;;
    secret) [ "${2:-}" = generic ] && shift && shift && set -- secret "$@" ;;
    esac
    [ $# = 2 ] || die "exactly one NAME is required, got $(($# > 0 ? $# - 1 : 0))"
    case $1 in
    namespace | serviceaccount) generate "$1" "$2" '' >"$tmp/made" ;;
    configmap | secret) generate "$1" "$2" data >"$tmp/made" ;;
    deployment) [ -n "$image" ] || die 'required flag(s) "image" not set'; generate "$1" "$2" deployment >"$tmp/made" ;;
    *) die "unknown command \"$1\" for create: -f FILE, namespace, configmap, secret generic, deployment, serviceaccount" ;;
    esac
    create_made
}
create_made() {
    [ "$dry_run" != client ] || { [ "$output" != yaml ] || { cat "$tmp/made" && return; }; }
    source='' files=$tmp/made$newline
    each_document create_document
}
# generate TYPE NAME PART
generate() {
    resolve "$1" || exit
    printf 'apiVersion: %s\nkind: %s\nmetadata:\n  name: %s\n' "$api" "$kind" "$(quote "$2")"
    [ -z "$3" ] || "generate_$3" "$1" "$2"
}
generate_data() {
    [ "$1" = secret ] && say 'type: Opaque'
    say "data:"
    printf '%s' "$literals" | while IFS= read -r pair; do
        case $pair in *=*) ;; *) die "invalid literal source $pair, expected key=value" ;; esac
        printf '%s' "${pair#*=}" >"$tmp/datum" && datum "$1" "${pair%%=*}" "$tmp/datum"
    done
    printf '%s' "$from_files" | while IFS= read -r file; do
        case $file in *=*) key=${file%%=*} file=${file#*=} ;; *) key=$(basename "$file") ;; esac
        if [ -d "$file" ]; then
            for one in "$file"/*; do [ -f "$one" ] && datum "$1" "$(basename "$one")" "$one"; done
        else
            datum "$1" "$key" "$file"
        fi
    done
}
# datum TYPE KEY FILE: what is no text goes into a ConfigMap's binaryData
datum() {
    [ -r "$3" ] || die "error reading $3: no such file"
    if [ "$1" = secret ]; then
        say "  $(quote "$2"): $(base64 <"$3" | tr -d '\n')"
    elif [ "$(tr -d '\000' <"$3" | wc -c)" != "$(wc -c <"$3")" ] || LC_ALL=C grep -q "$(printf '[\001-\010\016-\037\177]')" "$3"; then
        say "binaryData: {$(quote "$2"): $(base64 <"$3" | tr -d '\n')}" >>"$tmp/binary"
    else
        printf '  %s: ' "$(quote "$2")"
        { cat "$3" && say x; } | json_string | sed 's/x"$/"/' # the x: so that an end of line at the end counts
        say ''
    fi
}
generate_deployment() {
    cat <<END
  labels: {app: $(quote "$2")}
spec:
  replicas: ${replicas:-1}
  selector: {matchLabels: {app: $(quote "$2")}}
  template:
    metadata: {labels: {app: $(quote "$2")}}
    spec:
      containers:
      - {name: $(quote "$(container_name "$image")"), image: $(quote "$image")${port:+, ports: [{containerPort: $port\}]}}
END
}
# An image's last part: quay.io/team/web:1 is web.
container_name() { basename "${1%%@*}" | sed 's/:.*//'; }

cmd_run() {
    [ $# -gt 0 ] || die "NAME is required for run"
    [ -n "$image" ] || die 'required flag(s) "image" not set'
    pod_name=$1
    shift
    generate pod "$pod_name" '' >"$tmp/made"
    {
        say "  labels: {$([ -n "$labels" ] && say "$labels" | sed 's/=/": "/g; s/,/", "/g; s/.*/"&"/' || say "run: $(quote "$pod_name")")}"
        say "spec:${newline}  restartPolicy: ${restart:-Always}${newline}  containers:${newline}  - name: $(quote "$pod_name")${newline}    image: $(quote "$image")"
        [ $# = 0 ] || say "    args:"
        for word; do say "    - $(quote "$word")"; done
        [ -z "$port" ] || say "    ports: [{containerPort: $port}]"
        [ -z "$env" ] || say "    env:"
        printf '%s' "$env" | while IFS= read -r pair; do say "    - {name: $(quote "${pair%%=*}"), value: $(quote "${pair#*=}")}"; done
    } >>"$tmp/made"
    create_made
}

# -- delete --

cmd_delete() {
    : >"$tmp/going"
    [ $# != 1 ] || [ -n "$all$selector$files" ] || case $1 in */*) ;; *) die "resource(s) were provided, but no name was specified" ;; esac
    [ -z "$force" ] || [ "$grace" != 0 ] || warn "Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. The resource may continue to run on the cluster indefinitely."
    each delete_object "$@"
    [ -s "$tmp/going" ] || [ $failed = 1 ] || [ -n "$ignore_not_found" ] || nothing_found
    [ "$wait" = true ] && [ -z "$force" ] || return 0
    wait_for_ends
}
delete_object() {
    gone=$1 name=$(name_of "$1")
    # Opened before: it is this object whose end is waited for, whatever gets its name.
    if [ "$wait" = true ] && [ -z "$force" ]; then
        exec 9<"$gone/wait/Deleted"
        ${timeout:+timeout} ${timeout:+"$timeout"} cat <&9 >/dev/null 2>&1 &
        children="$children $!"
        say "$! $resource $name" >>"$tmp/going"
        exec 9<&-
    else
        say "0 $resource $name" >>"$tmp/going"
    fi
    from=$(namespace_of "$gone")
    command_to "$gone" delete ${grace:+"$grace"} ${cascade:+"$cascade"} || return
    forget "$resource/${from:-$namespace}" "$name"
    case $output in
    name) say "$word/$name" ;;
    *) say "$word \"$name\" ${force:+force }deleted${from:+ from $from namespace}" ;;
    esac
}
# Its manifest goes with an object; a namespace's objects' with the namespace. forget DIRECTORY NAME
forget() (
    cd "$k/apply" && top=$(mine) || exit
    rm -f "$top/$1/$2.yaml"
    [ "$kind" != Namespace ] || rm -rf "$top"/*/"$2"
    empty=$top/$1
    while [ -d "$empty" ] && [ -z "$(ls "$empty")" ]; do rmdir "$empty" && empty=$(dirname "$empty") || break; done
)
wait_for_ends() {
    while read -r pid what name <&8; do
        wait "$pid" || fail "error: timed out waiting for the condition on $what/$name"
    done 8<"$tmp/going"
}

# -- edit, patch --

cmd_edit() { each edit_object "$@"; }
edit_object() {
    name=$(name_of "$1")
    note='# Please edit the object below. Lines beginning with a '"'#'"' will be ignored,
# and an empty file will abort the edit. If an error occurs while saving this file will be
# reopened with the relevant failures.
#'
    { say "$note" && without_managed_fields "$1" yaml; } >"$tmp/edit.yaml"
    grep -v '^#' "$tmp/edit.yaml" >"$tmp/before"
    while :; do
        cp "$tmp/edit.yaml" "$tmp/last"
        # shellcheck disable=SC2086 # an editor and its arguments
        ${KUBE_EDITOR:-${EDITOR:-vi}} "$tmp/edit.yaml" || die "there was a problem with the editor"
        grep -v '^#' "$tmp/edit.yaml" >"$tmp/after"
        if [ ! -s "$tmp/after" ] || cmp -s "$tmp/before" "$tmp/after"; then
            say "Edit cancelled, no changes made." && return
        fi
        put "$1/object.yaml" "$word \"$name\"" <"$tmp/after" 2>"$tmp/why" && break
        cat "$tmp/why" >&2
        if cmp -s "$tmp/last" "$tmp/edit.yaml" || [ "$reason" = Conflict ]; then
            cp "$tmp/after" "${TMPDIR:-/tmp}/kubectl-edit-$$.yaml"
            die "Edit cancelled, no valid changes were saved: ${TMPDIR:-/tmp}/kubectl-edit-$$.yaml has what you wrote"
        fi
        { say "$note" && sed 's/^/# /' "$tmp/why" && say '#' && cat "$tmp/after"; } >"$tmp/edit.yaml"
    done
    failed=0
    say "$word/$name edited"
}

# What is wanted of an object, in short: status may change meanwhile.
fingerprint() { without_managed_fields "$1" yaml | desired | cksum; }
# patch_object OBJECT FILE WORD [WORD-IF-NOTHING-CHANGED] < the patch
patch_object() {
    before=$(fingerprint "$1")
    put "$1/$2" "$word \"$(name_of "$1")\"" || return
    if [ "$(fingerprint "$1")" = "$before" ]; then say "$word/$(name_of "$1") ${4:-$3}"; else say "$word/$(name_of "$1") $3"; fi
}
cmd_patch() {
    [ -n "$patch" ] || die "must specify --patch or --patch-file containing the contents of the patch"
    case ${type:-strategic} in
    strategic) into=patch ;;
    merge) into=patch.merge ;;
    json) into=patch.json ;;
    *) die "--type must be one of [json merge strategic], not \"$type\"" ;;
    esac
    apply_patch() { say "$patch" | patch_object "$1" $into patched "patched (no change)"; }
    each apply_patch "$@"
}

# -- labels and annotations --

cmd_label() { change_map labels labeled "$@"; }
cmd_annotate() { change_map annotations annotated "$@"; }
# change_map MAP WORD TYPE NAME... KEY=VALUE|KEY-...: the objects' words first, then the changes
change_map() {
    map=$1 done_word=$2 changes=''
    shift 2
    words=$#
    while [ "$words" -gt 0 ]; do
        case $1 in
        *=* | *-) changes=$changes$1$newline ;; # no object's name ends in -
        *) set -- "$@" "$1" ;;
        esac
        shift
        words=$((words - 1))
    done
    if [ -n "$list" ]; then each list_map "$@"; return; fi
    [ -n "$changes" ] || die "at least one ${map%s} update is required"
    each change_one_map "$@"
}
list_map() {
    for file in "$1/metadata/$map"/*; do [ -e "$file" ] && say "$(key_of "$(name_of "$file")")=$(value "$file")"; done
    return 0
}
change_one_map() {
    body='' only_removed=yes
    while IFS= read -r change <&9; do
        case $change in
        *=*) key=${change%%=*} new=$(quote "${change#*=}") only_removed='' ;;
        *) key=${change%-} new=null ;;
        esac
        old=$1/metadata/$map/$(file_of "$key")
        if [ "$new" != null ] && [ -z "$overwrite" ] && [ -e "$old" ] && [ "$(value "$old")" != "${change#*=}" ]; then
            fail "error: '$key' already has a value ($(value "$old")), and --overwrite is false"
            return
        fi
        [ "$new" != null ] || [ -e "$old" ] || say "label \"$key\" not found."
        body="$body${body:+, }$(quote "$key"): $new"
    done 9<<END
${changes%"$newline"}
END
    if [ -n "$only_removed" ] && [ "$map" = labels ]; then done_now=unlabeled; else done_now=$done_word; fi
    say "{\"metadata\": {\"$map\": {$body}}}" | patch_object "$1" patch.merge "$done_now" "not $done_word"
}

# -- scale, set image --

cmd_scale() {
    [ -n "$replicas" ] || die 'required flag(s) "replicas" not set'
    scale_object() {
        [ -e "$1/spec/replicas" ] || { fail "error: $resource \"$(name_of "$1")\" has no scale"; return; }
        is=$(value "$1/spec/replicas")
        [ -z "$current_replicas" ] || [ "$is" = "$current_replicas" ] || {
            fail "error: Expected replicas to be $current_replicas, was $is"
            return
        }
        say "$replicas" | put "$1/spec/replicas" "$word \"$(name_of "$1")\"" && say "$word/$(name_of "$1") scaled"
    }
    each scale_object "$@"
}
# Where a kind keeps its pods' spec: template_of OBJECT
template_of() {
    case $kind in
    Pod) say spec ;;
    CronJob) say spec/jobTemplate/spec/template/spec ;;
    *) say spec/template/spec ;;
    esac
}
cmd_set() {
    [ "${1:-}" = image ] || die "kubectl set image TYPE/NAME CONTAINER=IMAGE..."
    shift
    images='' words=$#
    while [ "$words" -gt 0 ]; do
        case $1 in *=*) images=$images$1$newline ;; *) set -- "$@" "$1" ;; esac
        shift
        words=$((words - 1))
    done
    printf '%s' "$images" >"$tmp/images"
    [ -n "$images" ] || die "at least one image update is required"
    each set_image "$@"
}
# One patch with all containers that a pair names, so that there is one rollout.
set_image() {
    at=$1/$(template_of "$1") body=''
    while IFS= read -r pair <&9; do
        [ "${pair%%=*}" = '*' ] || [ -e "$at/containers/${pair%%=*}" ] || [ -e "$at/initContainers/${pair%%=*}" ] || {
            fail "error: unable to find container named \"${pair%%=*}\""
            return
        }
    done 9<"$tmp/images"
    for list in initContainers containers; do
        items=''
        for one in "$at/$list"/*/; do
            [ -e "$one" ] || continue
            new=$(awk -v name="$(name_of "$one")" 'index($0, name "=") == 1 || index($0, "*=") == 1 { sub(/^[^=]*=/, ""); last = $0 } END { print last }' "$tmp/images")
            [ -z "$new" ] || items="$items${items:+, }{\"name\": $(quote "$(name_of "$one")"), \"image\": $(quote "$new")}"
        done
        [ -z "$items" ] || body="$body${body:+, }\"$list\": [$items]"
    done
    nest "$(template_of "$1")" "$body" | patch_object "$1" patch "image updated" "image updated"
}
# nest a/b TEXT: {"a": {"b": {TEXT}}}
nest() {
    opened='' closed='}'
    for step in $(say "$1" | tr / ' '); do opened="$opened\"$step\": {" closed="$closed}"; done
    say "{$opened$2$closed"
}
