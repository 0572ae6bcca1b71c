# shellcheck shell=sh
# What only looks: get, describe, events, explain, api-resources, version, auth.

# -- get --

cmd_get() {
    [ $# -gt 0 ] || [ -n "$files" ] || die "Required resource not specified."
    prefixed='' shown=''
    case ${1:-} in # names carry their type where several types come
    all | *,*) prefixed=yes ;;
    */*) [ "$(printf '%s\n' "$@" | sed 's|/.*||' | sort -u | wc -l)" = 1 ] || prefixed=yes ;;
    esac
    case $output in
    '' | wide) get_tables "$@" ;;
    name) each print_name "$@" ;;
    yaml | json | jsonpath=* | custom-columns=*) get_objects "$@" ;;
    *) die "unable to match a printer suitable for the output format \"$output\", allowed formats are: custom-columns,json,jsonpath,name,wide,yaml" ;;
    esac
}
print_name() { say "$word/$(name_of "$1")"; }

# Objects by type: one table a type, in the order of the words.
get_tables() {
    case ${1:-} in
    */*) get_named_tables "$@" ;;
    *)
        if [ -n "$files" ]; then get_named_tables; return; fi
        types=$(types_of "$1")
        shift
        for one in $types; do
            resolve "$one" || continue
            if [ -n "$watch" ]; then get_watch "$@"; else get_table "$@"; fi
        done
        [ -n "$shown" ] || [ $failed = 1 ] || [ $# -gt 0 ] || [ -n "$ignore_not_found" ] || nothing_found
        ;;
    esac
}
# TYPE/NAME... or files: objects of one type that follow each other share a table
get_named_tables() {
    names='' last=''
    gather() {
        [ "$last" = "$dir" ] || flush_names
        last=$dir last_word=$word
        names="$names $(name_of "$1")"
    }
    flush_names() {
        [ -z "$names" ] || (
            resolve "$last_word"
            # shellcheck disable=SC2086 # names hold no blanks
            get_table $names
        )
        [ -z "$names" ] || shown=yes
        names=''
    }
    each gather "$@"
    flush_names
}
nothing_found() {
    if [ -n "$all_namespaces" ] || [ "$namespaced" = false ]; then warn "No resources found"; else
        warn "No resources found in $namespace namespace."
    fi
}
# The table of the resolved type: all objects, those of the selector, or those named.
get_table() {
    index=$(place)/_index${output:+.$output}
    rows='' some=yes
    for name; do
        obj=$(object "$name")
        if [ -e "$obj/metadata" ]; then rows="$rows $name"; else missing "$obj" "$name"; fi
    done
    if [ $# -gt 0 ]; then
        some=$rows
    elif [ -n "$selector" ]; then
        can_select || return
        rows=$(list_objects | while IFS= read -r obj; do
            if [ -n "$all_namespaces" ] && [ "$namespaced" = true ]; then say "$(namespace_of "$obj")/$(name_of "$obj")"; else name_of "$obj"; fi
        done)
        some=$rows
    fi
    [ -n "$some" ] || return 0
    if ! cp "$index" "$tmp/index" 2>/dev/null; then
        ! maybe "$(place)" || forbidden list # there is no such namespace: nothing is in it
        return 0
    fi
    [ "$(wc -l <"$tmp/index")" -gt 1 ] || return 0
    [ -z "$shown" ] || say ''
    shown=yes
    lay_out "$rows" "$tmp/index"
}
# lay_out NAMES FILE
lay_out() {
    [ -z "$show_labels" ] || add_labels "$2"
    headers=${no_headers:+no} names=$1 prefix=${prefixed:+$word/} LC_ALL=C awk -f "$lib/table.awk" "$2"
}
# A column LABELS: add_labels TABLE
add_labels() {
    width=$(awk 'length($0) > n { n = length($0) } END { print n + 3 }' "$1")
    while IFS= read -r row <&8; do
        case $row in
        NAMESPACE* | NAME*) text=LABELS ;;
        *)
            which=${row%% *}
            if [ "$namespaced$all_namespaces" = trueyes ]; then which=$(say "$row" | awk '{ print $1 "/" $2 }') && obj=$dir/$which; else obj=$(object "$which"); fi
            text=$(map_of "$obj/metadata/labels")
            ;;
        esac
        printf "%-${width}s%s\n" "$row" "${text:-<none>}"
    done 8<"$1" >"$1.labels"
    mv "$1.labels" "$1"
}

# The table, then a row for each change: `_watch` starts with what is there.
get_watch() {
    show() { name=$1 awk 'ENVIRON["name"] == $1 || ENVIRON["name"] == $1 "/" $2' "$tmp/index"; }
    index=$(place)/_index${output:+.$output}
    cp "$index" "$tmp/index" || { forbidden watch; return; }
    known='' # the names whose rows were shown, until they change
    [ -n "$no_headers" ] || head -n 1 "$tmp/index"
    follow "$(place)/_watch"
    while read -r change which _ <&7; do
        name=${which##*/}
        [ $# = 0 ] || case " $* " in *" $name "*) ;; *) continue ;; esac
        [ -z "$selector" ] || [ -d "$(place)/@$(file_of "$selector")/$name" ] || continue
        [ -z "$all_namespaces" ] || [ "$namespaced" = false ] || name=$which
        case "$change$known " in
        ADDED*" $name "* | MODIFIED*) cp "$index" "$tmp/index" ;;
        ADDED*) grep -q -F " ${which##*/} " "$tmp/index" || grep -q "^${which##*/} " "$tmp/index" || cp "$index" "$tmp/index" ;;
        ERROR*) unfollow && die "$which: too old resource version" ;;
        esac
        known="$known $name"
        show "$name"
    done
    unfollow
}

# -- whole objects --

# What kubectl leaves out unless it is asked: unmanaged FORMAT < OBJECT
unmanaged() {
    case $1 in
    json) sed '/^        "managedFields": \[$/,/^        \],\{0,1\}$/d' ;;
    yaml) sed '/^  managedFields:$/,/^  [^ -]/{/^  managedFields:$/d; /^  [ -]/d;}' ;;
    esac
}
without_managed_fields() { unmanaged "$2" <"$1/object.$2"; } # OBJECT FORMAT
get_objects() {
    format=${output%%=*} count=0
    case $format in yaml) item=yaml ;; *) item=json ;; esac
    : >"$tmp/items"
    add_item() {
        count=$((count + 1))
        without_managed_fields "$1" $item >"$tmp/item" || { missing "$1" "$(name_of "$1")"; return; }
        cp "$tmp/item" "$tmp/single"
        if [ $item = yaml ]; then
            sed '1s/^/- /; 2,$s/^/  /' "$tmp/item" >>"$tmp/items"
        else
            [ $count = 1 ] || say , >>"$tmp/items"
            sed 's/^/        /' "$tmp/item" >>"$tmp/items"
        fi
    }
    each add_item "$@"
    [ $count -gt 0 ] || [ $failed = 0 ] || return 1
    # What was asked for by its name alone is shown alone.
    case $count,$#,${1:-} in
    1,1,*/* | 1,2,*) [ "$format" != custom-columns ] || as_list ;;
    *) as_list ;;
    esac
    case $format in
    custom-columns)
        columns=${output#*=} awk -f "$lib/json.awk" "$tmp/single" | columns_of
        ;;
    jsonpath) json_path "${output#*=}" "$tmp/single" ;;
    *) cat "$tmp/single" ;;
    esac
}
as_list() {
    {
        case $item in
        yaml)
            say "apiVersion: v1"
            if [ -s "$tmp/items" ]; then say "items:"; else say "items: []"; fi
            cat "$tmp/items"
            printf 'kind: List\nmetadata:\n  resourceVersion: ""\n'
            ;;
        json)
            printf '{\n    "apiVersion": "v1",\n    "items": ['
            [ ! -s "$tmp/items" ] || {
                say '' && awk '$0 == "," { last = last ","; next } NR > 1 { print last } { last = $0 } END { print last }' "$tmp/items" && printf '    '
            }
            printf '],\n    "kind": "List",\n    "metadata": {\n        "resourceVersion": ""\n    }\n}\n'
            ;;
        esac
    } >"$tmp/single"
}
# Cells between tabs, in columns.
columns_of() {
    awk -F '\t' '{ for (i = 1; i <= NF; i++) { cell[NR, i] = $i; if (length($i) + 3 > w[i]) w[i] = length($i) + 3 } n[NR] = NF }
        END { for (r = 1; r <= NR; r++) { for (i = 1; i < n[r]; i++) printf "%-" w[i] "s", cell[r, i]; print cell[r, n[r]] } }'
}

# -- describe, events --

cmd_describe() {
    described=''
    describe() {
        [ -z "$described" ] || printf '\n\n'
        described=yes
        cat "$1/describe" || fail "Error from server: $1"
    }
    each describe "$@"
    [ -n "$described" ] || [ $failed = 1 ] || nothing_found
}
cmd_events() {
    resolve events
    [ -z "$watch" ] || { get_watch; return; }
    cp "$(place)/_index" "$tmp/index" || { forbidden list; return; }
    [ -z "$for" ] || { resolve "${for%%/*}" && for=$(lower "$kind")/${for#*/}; } || return
    for=$for types=$types_wanted awk 'NR == 1 || ((ENVIRON["for"] == "" || index($0 " ", " " ENVIRON["for"] " ")) &&
        (ENVIRON["types"] == "" || index($0, " " ENVIRON["types"] " ")))' "$tmp/index" >"$tmp/chosen"
    if [ "$(wc -l <"$tmp/chosen")" = 1 ]; then nothing_found 2>&1 | sed 's/resources/events/' >&2; else lay_out '' "$tmp/chosen"; fi
}

# -- what there is --

cmd_api_resources() {
    case $output in
    '' | wide) index=$k/apis/_index${output:+.$output} ;;
    name) index=$k/apis/_index no_headers=yes ;;
    *) die "--output $output is not available" ;;
    esac
    awk -v group="$api_group" -v namespaced="$only_namespaced" -v plain="$no_headers" -v name="$output" '
        NR == 1 { if (plain == "") print; at = index($0, "APIVERSION"); next }
        { split(substr($0, at), f); g = f[1]; if (!sub(/\/.*/, "", g)) g = "" }
        (namespaced == "" || f[2] == namespaced) && (group == "" || g == group) {
            if (name == "name") print $1 (g == "" ? "" : "." g); else print }' "$index"
}
cmd_api_versions() { awk 'NR > 1 { print $(NF - 2) }' "$k/apis/_index" | LC_ALL=C sort -u; }
cmd_version() { awk '{ print "Client Version: " $4 "\nServer Version: " $4 }' "$k/version"; }
cmd_cluster_info() { say "Kubernetes control plane is running at $k"; }

# explain pods.spec.containers: the fields directly below (all, with --recursive)
# What the definition of a custom kind says about the kind, or about a field; nothing of other kinds.
# description_of [FIELD]
description_of() {
    for text in "$k/apis/apiextensions.k8s.io/v1/customresourcedefinitions/$plural.$group/spec/versions"/*; do
        [ "$(cat "$text/name" 2>/dev/null)" = "${api##*/}" ] || continue
        text=$text/schema/openAPIV3Schema
        for part in $(say "$1" | tr . ' '); do
            while [ -d "$text/items" ]; do text=$text/items; done
            text=$text/properties/$(file_of "$part")
        done
        say "DESCRIPTION:"
        if [ -e "$text/description" ]; then sed 's/^/    /' "$text/description"; else say "    <empty>"; fi
        say ''
    done
}
cmd_explain() {
    [ $# = 1 ] || die "We accept only this format: explain RESOURCE"
    resolve "${1%%.*}" || return
    case $1 in *.*) field=${1#*.} ;; *) field='' ;; esac
    description_of "$field" >"$tmp/description"
    awk -v want="$field" -v about="$tmp/description" -v all="$recursive" -v kind="$kind" -v group="$group" -v version="${api##*/}" '
        function type(t) { return "<" t ">" (line ~ / required/ ? " -required-" : "") (line ~ / enum=/ || line ~ /default=/ ? note() : "") }
        function note(s) { s = line; sub(/^[^ ]+ [^ ]+ */, "", s); sub(/required */, "", s); return s == "" ? "" : "  (" s ")" }
        { line = $0; path = $1; gsub(/\[\]/, "", path) }
        path == want { found = 1; self = $2; next }
        want == "" || index(path, want ".") == 1 {
            found = 1
            rest = want == "" ? path : substr(path, length(want) + 2)
            depth = gsub(/\./, ".", rest)
            if (depth && all == "") next
            name = rest; sub(/.*\./, "", name)
            fields = fields sprintf("%" 2 * depth + 2 "s%s\t%s\n", "", name, type($2))
        }
        END {
            if (!found) { print "error: field \"" want "\" does not exist" >"/dev/stderr"; exit 1 }
            if (group != "") print "GROUP:      " group
            print "KIND:       " kind "\nVERSION:    " version "\n"
            if (want != "") { n = split(want, w, "."); print "FIELD: " w[n] " <" self ">\n" }
            while ((getline text <about) > 0) print text
            if (fields != "") printf "FIELDS:\n%s", fields
        }' "$dir/_schema"
}

# -- who --

cmd_auth() {
    case ${1:-} in
    whoami)
        awk '/^user:/ { user = $2 } /^groups:/ { n = split(substr($0, 9), g, " ") }
            END { for (i = 1; i <= n; i++) list = list (i > 1 ? " " : "") g[i]
                printf "ATTRIBUTE   VALUE\nUsername    %s\nGroups      [%s]\n", user, list }' "$k/whoami"
        ;;
    can-i)
        [ $# = 3 ] || die "you must specify two arguments: verb resource or verb resource/resourceName."
        resolve "${3%%/*}" || return
        case $3 in */*) obj=$(object "${3#*/}") ;; *) obj='' ;; esac
        if can_i "$2"; then say yes; else say no && return 1; fi
        ;;
    *) die "kubectl auth whoami, kubectl auth can-i VERB TYPE[/NAME]" ;;
    esac
}
# A question to the tree, answered on the same open file. can_i VERB: of the resolved type, or its $obj
can_i() {
    about="\"verb\": $(quote "$1"), \"group\": \"$group\", \"resource\": \"$plural\""
    [ "$namespaced" = false ] || [ -n "$all_namespaces" ] || about="$about, \"namespace\": $(quote "$namespace")"
    [ -z "$obj" ] || about="$about, \"name\": $(quote "$(name_of "$obj")")"
    exec 4<>"$k/apis/authorization.k8s.io/v1/selfsubjectaccessreviews/kubectl.yaml"
    say "{\"spec\": {\"resourceAttributes\": {$about}}}" >&4
    grep -q '"allowed": true' <&4
}
