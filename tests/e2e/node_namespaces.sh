#!/bin/bash
# What pods share with each other and with the node: shareProcessNamespace, hostPID, hostIPC, hostNetwork, sysctls.
. "$(dirname "$0")/lib.sh"
start_daemon
import_images busybox
pods=$mnt/pods/default
put pods <<'END'
apiVersion: v1
kind: Pod
metadata: {name: shared}
spec:
  shareProcessNamespace: true
  terminationGracePeriodSeconds: 0
  containers:
  - {name: one, image: busybox, command: [sleep, "1111"]}
  - {name: two, image: busybox, command: [sh, -c, "sleep 0.5; ps; echo pid=$$$$; kill $(pidof sleep); sleep 1000"]}
---
apiVersion: v1
kind: Pod
metadata: {name: apart}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - {name: one, image: busybox, command: [sleep, "2222"]}
  - {name: two, image: busybox, command: [sh, -c, "ps; echo pid=$$$$; readlink /proc/self/ns/net; readlink /proc/self/ns/ipc; sleep 1000"]}
---
apiVersion: v1
kind: Pod
metadata: {name: host-pid}
spec:
  hostPID: true
  terminationGracePeriodSeconds: 0
  containers:
  - {name: c, image: busybox, command: [sh, -c, "readlink /proc/self/ns/pid; echo pid=$$$$; echo first=$(cat /proc/1/comm); exec sleep 1000"]}
---
apiVersion: v1
kind: Pod
metadata: {name: host-ipc}
spec:
  hostIPC: true
  terminationGracePeriodSeconds: 0
  containers:
  - {name: c, image: busybox, command: [sh, -c, "readlink /proc/self/ns/ipc; exec sleep 1000"]}
---
apiVersion: v1
kind: Pod
metadata: {name: host-net}
spec:
  hostNetwork: true
  terminationGracePeriodSeconds: 0
  containers:
  - {name: c, image: busybox, command: [sh, -c, "readlink /proc/self/ns/net; hostname; exec sleep 1000"]}
---
apiVersion: v1
kind: Pod
metadata: {name: sysctl}
spec:
  restartPolicy: Never
  securityContext:
    sysctls:
    - {name: kernel.shm_rmid_forced, value: "1"}
    - {name: net.ipv4.ip_unprivileged_port_start, value: "99"}
  containers:
  - {name: c, image: busybox, command: [sh, -c, "cat /proc/sys/kernel/shm_rmid_forced /proc/sys/net/ipv4/ip_unprivileged_port_start"]}
---
apiVersion: v1
kind: Pod
metadata: {name: unsafe}
spec:
  restartPolicy: Never
  securityContext: {sysctls: [{name: kernel.msgmax, value: "65536"}]}
  containers:
  - {name: c, image: busybox, command: ["true"]}
---
apiVersion: v1
kind: Pod
metadata: {name: names}
spec:
  restartPolicy: Never
  hostname: box
  subdomain: sub
  hostAliases: [{ip: 10.1.2.3, hostnames: [foo.local, bar.local]}]
  dnsPolicy: None
  dnsConfig: {nameservers: [192.0.2.53], searches: [example.test], options: [{name: ndots, value: "2"}]}
  containers:
  - {name: c, image: busybox, command: [sh, -c, "hostname; cat /etc/hosts /etc/resolv.conf"]}
END
eventually 10 phase_is shared Running
eventually 10 has "$pods/shared/containers/two/log" 'pid='
contains "$(cat "$pods/shared/containers/two/log")" 'sleep 1111'
eventually 15 has "$pods/shared/containers/one/status" 'restartCount: 1'
[ "$(grep -c '^pid=1$' "$pods/shared/containers/two/log")" = 0 ] || fail "pid 1 in a shared process namespace"

eventually 10 has "$pods/apart/containers/two/log" 'ipc:'
log=$(cat "$pods/apart/containers/two/log")
contains "$log" '^pid=1$'
case $log in *"sleep 2222"*) fail "sees the other container's processes" ;; esac
case $log in *"$(readlink /proc/self/ns/net)"* | *"$(readlink /proc/self/ns/ipc)"*) fail "in the node's namespaces" ;; esac

eventually 10 has "$pods/host-pid/log" 'first='
contains "$(cat "$pods/host-pid/log")" "first=$(cat /proc/1/comm)"
contains "$(cat "$pods/host-pid/log")" "$(readlink /proc/self/ns/pid | sed 's/[][]/\\&/g')"
eventually 10 has "$pods/host-ipc/log" "$(readlink /proc/self/ns/ipc | sed 's/[][]/\\&/g')"
eventually 10 has "$pods/host-net/log" "$(readlink /proc/self/ns/net | sed 's/[][]/\\&/g')"
eventually 5 has "$pods/host-net/log" "$(hostname)"
equal "podIP with hostNetwork" "$(field "$pods/host-net/status" hostIP)" "$(field "$pods/host-net/status" podIP)"

eventually 10 phase_is sysctl Succeeded
equal sysctls '1 99' "$(tr '\n' ' ' <"$pods/sysctl/log" | sed 's/ $//')"
[ "$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start)" != 99 ] || fail "the node's sysctl was changed"
eventually 10 phase_is unsafe Failed
contains "$(cat "$pods/unsafe/status")" 'reason: SysctlForbidden'
contains "$(cat "$pods/unsafe/status")" 'forbidden sysctl: "kernel.msgmax"'

eventually 10 phase_is names Succeeded
log=$(cat "$pods/names/log")
contains "$log" '^box$'
contains "$log" '^10.1.2.3.*foo.local.*bar.local'
contains "$log" "$(field "$pods/names/status" podIP).*box"
contains "$log" '^nameserver 192.0.2.53$'
contains "$log" '^search example.test$'
contains "$log" '^options ndots:2$'

# removing the pods that share the node's namespaces ends their processes, and only theirs
rm "$mnt/apply/pods.yaml"
eventually 15 count_is "$pods" 0
[ -z "$(pids_of '^sleep 1000$')" ] || fail "processes are left"
