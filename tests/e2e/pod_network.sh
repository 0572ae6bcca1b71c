#!/bin/bash
# Pods reach each other, the node reaches them, they reach the outside; hostPort and hostNetwork; nothing is left.
. "$(dirname "$0")/lib.sh"
start_daemon
import_images busybox nginx
pods=$mnt/apis/core/v1/pods
manifest() { # NAME IMAGE COMMAND [MORE-OF-SPEC]
    printf 'apiVersion: v1\nkind: Pod\nmetadata: {name: %s}\nspec:\n  terminationGracePeriodSeconds: 0\n  restartPolicy: Never\n%s\n  containers:\n  - name: c\n    image: %s\n%s\n' \
        "$1" "${4:-}" "$2" "$3"
}
run_pod() {
    manifest "$@" >"$tmp/$1.yaml"
    cp "$tmp/$1.yaml" "$pods/" || fail "$(cat "$pods/$1.yaml.err")"
}
ip_of() { field "$mnt/pods/default/$1/status" podIP; }

run_pod web nginx:1 '    ports: [{containerPort: 80, hostPort: 18080}]'
eventually 10 phase_is web Running
web=$(ip_of web)
case $web in "${cidr%.*}".*) ;; *) fail "the address $web is not of $cidr" ;; esac
answers() { [ -n "$(http "$@")" ]; }
eventually 10 answers "$web"
contains "$(cat "$mnt/net/addresses")" "$web"

# pod to pod
run_pod client busybox "    command: [sh, -c, \"wget -q -O - http://$web/; ip route; cat /etc/hosts /etc/resolv.conf\"]"
eventually 10 phase_is client Succeeded
contains "$(cat "$mnt/pods/default/client/log")" 'nginx:1'
contains "$(cat "$mnt/pods/default/client/log")" 'default via'
contains "$(cat "$mnt/pods/default/client/log")" "$(ip_of client).*client"

# the host's port, from the host itself and from elsewhere
eventually 5 sh -c "curl -s -m $((2 * slowness)) http://127.0.0.1:18080/ | grep -q nginx:1"

# the outside: a namespace that knows nothing of pod addresses; the node hides them behind its own
ns=k8sfs-e2e-$$
ip netns add "$ns"
ip link add "o$$" type veth peer name "p$$"
ip link set "p$$" netns "$ns"
ip addr add 198.51.100.1/24 dev "o$$"
ip link set "o$$" up
ip -n "$ns" addr add 198.51.100.2/24 dev "p$$"
ip -n "$ns" link set "p$$" up
ip -n "$ns" link set lo up
at_end() { ip netns del "$ns" 2>/dev/null; ip link del "o$$" 2>/dev/null; }
ip netns exec "$ns" "${BUSYBOX:-busybox}" nc -l -p 8000 -e /bin/sh -c 'echo outside says hello' &
settle 0.3
run_pod out busybox '    command: [sh, -c, "nc -w 3 198.51.100.2 8000 < /dev/null"]'
eventually 10 phase_is out Succeeded
contains "$(cat "$mnt/pods/default/out/log")" 'outside says hello'
eventually 5 ip netns exec "$ns" sh -c "curl -s -m $((2 * slowness)) http://198.51.100.1:18080/ | grep -q nginx:1"
at_end

# the node's own network
run_pod host busybox '    command: [sh, -c, "ip -o link | wc -l; hostname"]' '  hostNetwork: true'
eventually 10 phase_is host Succeeded
equal "links seen with hostNetwork" "$(ip -o link | wc -l)" "$(head -n 1 "$mnt/pods/default/host/log")"

# one after the other, all addresses come back
ports() { ip -o link show master "$(bridge)" | wc -l; }
links=$(ports)
for i in 1 2 3; do
    for j in $(seq 10); do
        manifest "many-$j" busybox '    command: [sleep, "1000"]'
        echo ---
    done >"$tmp/many.yaml"
    cp "$tmp/many.yaml" "$mnt/apis/core/v1/pods/many.yaml" || fail many
    eventually 20 sh -c "[ \$(grep -c '^many-.*Running' '$mnt/pods/default/_index') = 10 ]"
    rm "$mnt/apis/core/v1/pods/many.yaml"
    eventually 20 sh -c "! ls '$mnt/pods/default' | grep -q many"
done
links_are() { [ "$(ports)" = "$1" ]; }
eventually 10 links_are "$links" # the kernel removes namespaces in its own time
rm "$pods/web.yaml"
eventually 10 test ! -e "$mnt/pods/default/web"
curl -s -m $((1 * slowness)) http://127.0.0.1:18080/ && fail "the host's port is still open"
true
