#!/bin/bash
# inotifywait on what stands for no object: images that come and go, and the .err beside a refused
# manifest; each told once, whoever did it.
. "$(dirname "$0")/lib.sh"
start_daemon
command -v inotifywait >/dev/null || skip "no inotifywait"
d=$mnt/apis/core/v1/configmaps
inotifywait -m -q -e create,delete,modify --format '%e %w%f' "$mnt/images" "$d" "$mnt/apply" "$mnt/apis/core/v1/configmaps/default" \
    >"$tmp/seen" 2>"$tmp/watcher" &
watcher=$!
at_end() { kill $watcher 2>/dev/null; }
eventually 10 test -d /proc/$watcher/fd
eventually 10 grep -qs "^inotify" -r "/proc/$watcher/fdinfo"
settle 1
seen() { grep -c -x -F "$1" "$tmp/seen"; }
told() { eventually 10 has_line "$1"; }
has_line() { grep -q -x -F "$1" "$tmp/seen"; }

# -- images
"$top/scripts/make-images" "$build/images" >/dev/null 2>&1 || fail "make-images"
cp "$build/images/busybox.tar" "$mnt/images/" || fail "import"
told "CREATE $mnt/images/busybox:latest"
told "CREATE $mnt/images/busybox:1.36"
told "MODIFY $mnt/images/_index"
rm "$mnt/images/busybox:1.36" || fail "rm of an image"
told "DELETE $mnt/images/busybox:1.36"
settle 1
equal "the client's own removal is told once" 1 "$(seen "DELETE $mnt/images/busybox:1.36")"

# -- .err
for dir in "$d" "$mnt/apply" "$d/default"; do
    printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bad}\ndata: 3\n' >"$tmp/bad.yaml"
    refused 'Invalid argument' cp "$tmp/bad.yaml" "$dir/bad.yaml"
    told "CREATE $dir/bad.yaml.err"
    printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bad}\ndata: 4\nnone: 1\n' >"$tmp/bad.yaml"
    refused 'Invalid argument' cp "$tmp/bad.yaml" "$dir/bad.yaml"
    told "MODIFY $dir/bad.yaml.err"
    printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bad}\n' | cp /dev/stdin "$dir/bad.yaml" || fail "good"
    told "DELETE $dir/bad.yaml.err"
    settle 1
    equal "made once" 1 "$(seen "CREATE $dir/bad.yaml.err")"
    equal "gone once" 1 "$(seen "DELETE $dir/bad.yaml.err")"
    # a draft that is removed takes its .err along; a rename may make one, too
    echo 'kind: [' >"$tmp/worse.yaml"
    cp "$tmp/worse.yaml" "$dir/worse.yaml" 2>/dev/null
    told "CREATE $dir/worse.yaml.err"
    rm "$dir/worse.yaml" || fail "rm of a draft"
    told "DELETE $dir/worse.yaml.err"
    rm "$dir/bad.yaml"
done

# -- inotifywait -r sets a watch on each new directory: what it has seen come is not told once more
inotifywait -m -r -q -e create --format '%e %w%f' "$mnt/apis/core/v1/configmaps" >"$tmp/deep" 2>>"$tmp/watcher" &
deep=$!
at_end() { kill $watcher $deep 2>/dev/null; }
eventually 10 grep -qs "^inotify" -r "/proc/$deep/fdinfo"
settle 2
for n in $(seq 20); do
    printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c%s}\ndata: {k: v}\n' "$n" | cp /dev/stdin "$mnt/apply/c$n.yaml" || fail "c$n"
done
for n in $(seq 20); do eventually 10 grep -qxF "CREATE,ISDIR $d/default/c$n" "$tmp/deep"; done
settle 2
for n in $(seq 20); do equal "c$n came once" 1 "$(grep -cxF "CREATE,ISDIR $d/default/c$n" "$tmp/deep")"; done
