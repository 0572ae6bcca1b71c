#!/bin/bash
# An inotify watch outlives the right that it was set up with, and then hears of nothing more; nor does one of a resource's
# directory hear of namespaces that are not there for him.
# (What clients do in a directory themselves, the kernel tells all who watch it: so everything is written in apply/ here.)
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/rbac.sh"
command -v inotifywait >/dev/null || skip "needs inotifywait"
start_daemon --no-reconcile
rbac_world
role prod reader "$(rule configmaps get,list,watch)"
bind prod reader User $alice
soon as $alice ls "$cm/prod"
# watches WHAT PLACE [USER]: its events go to $tmp/WHAT
watches() {
    local prefix=()
    [ -n "${3:-}" ] && prefix=(setpriv --reuid="$3" --regid="$(id -g "$3")" --init-groups)
    "${prefix[@]}" inotifywait -q -m --format '%e %w%f' "$2" >>"$tmp/$1" 2>"$tmp/$1.err" &
    pids+=($!)
}
pids=()
at_end() {
    kill "${pids[@]}" 2>/dev/null
    userdel $alice; userdel $bob; groupdel $team
} 2>/dev/null
watches hers "$cm/prod" $alice
watches hers-file "$cm/prod/web/data/k" $alice
watches hers-all "$cm" $alice
watches roots "$cm/hidden"
# told NAME: root's watch has heard of what came last, so all that came before has been told
told() {
    config hidden "$1" >"$mnt/apply/hidden-$1.yaml" || fail "$1"
    eventually 20 has "$tmp/roots" "^CREATE,ISDIR $cm/hidden/$1\$"
}
value() { config prod web | sed "s/k: v/k: $1/" >"$mnt/apply/prod-web.yaml" || fail "value $1"; }
told first # all watches are seen by now, or with the next
config prod seen >"$mnt/apply/prod-seen.yaml"
eventually 20 has "$tmp/hers" "^CREATE,ISDIR $cm/prod/seen\$"
value changed
eventually 20 has "$tmp/hers-file" '^MODIFY\|^ATTRIB'

# -- names of other namespaces, of whose directory she may see some
mkdir "$mnt/namespaces/secret" || fail mkdir
config secret x >"$mnt/apply/secret-x.yaml"
told second
grep -q secret "$tmp/hers-all" && fail "she hears of a namespace that is not there for her: $(cat "$tmp/hers-all")"

# -- the right goes, the watches stay
role prod reader ""
soon is_denied $alice ls "$cm/prod"
: >"$tmp/hers"
: >"$tmp/hers-file"
config prod unseen >"$mnt/apply/prod-unseen.yaml"
value again
rm "$mnt/apply/prod-seen.yaml"
eventually 10 test ! -e "$cm/prod/seen"
told third
told fourth
[ ! -s "$tmp/hers" ] || fail "she still hears: $(cat "$tmp/hers")"
[ ! -s "$tmp/hers-file" ] || fail "she still hears of the file: $(cat "$tmp/hers-file")"

# -- and comes back
role prod reader "$(rule configmaps get,list,watch)"
soon as $alice ls "$cm/prod"
config prod back >"$mnt/apply/prod-back.yaml"
eventually 20 has "$tmp/hers" "^CREATE,ISDIR $cm/prod/back\$"
