# What the tests of webhooks share: a certificate, a server (webhook_server.py), configurations.
# Sourced after lib.sh; the daemon is started by the test, before start_hooks.

# A CA, and a certificate of it for the loopback address and for the service hook in hooks.
make_certificates() {
    mkdir -p "$tmp/hooks"
    (
        cd "$tmp/hooks" || exit 1
        openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -days 2 -subj "/CN=hooks' CA" &&
            openssl req -newkey rsa:2048 -nodes -keyout tls.key -out tls.csr -subj "/CN=hook" &&
            printf 'subjectAltName=IP:127.0.0.1,DNS:hook.hooks.svc' >san &&
            openssl x509 -req -in tls.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out tls.crt -days 2 -extfile san
    ) >"$tmp/openssl.log" 2>&1 || { cat "$tmp/openssl.log"; fail "certificates"; }
    ca=$(base64 -w0 "$tmp/hooks/ca.crt")
}
start_hooks() {
    [ -e "$tmp/hooks/tls.crt" ] || make_certificates
    rm -f "$tmp/hooks/port"
    python3 "$top/tests/e2e/webhook_server.py" "$tmp/hooks" >"$tmp/hooks.log" 2>&1 &
    echo $! >"$tmp/hooks/pid"
    eventually 20 test -s "$tmp/hooks/port"
    port=$(cat "$tmp/hooks/port")
}
# Also one that was started in a subshell, as the tests of the conformance suite run in.
stop_hooks() {
    local pid
    pid=$(cat "$tmp/hooks/pid" 2>/dev/null) || return 0
    rm "$tmp/hooks/pid"
    kill "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
    eventually 5 no_process "$pid"
}
no_process() { ! kill -0 "$1" 2>/dev/null; }
at_end() { stop_hooks; }
# What was asked so far: one review a line.
asked() { cat "$tmp/hooks/asked" 2>/dev/null; }
forget_asked() { : >"$tmp/hooks/asked"; }
n_asked() { asked | wc -l; }

# hook KIND NAME PATH RULE [MORE]: a configuration of one webhook; KIND: Mutating, Validating; RULE
# and MORE (other fields of the webhook) in YAML's flow form, without their braces.
hook() {
    {
        echo "apiVersion: admissionregistration.k8s.io/v1"
        echo "kind: $1WebhookConfiguration"
        echo "metadata: {name: $2, labels: {e2e: hooks}}"
        echo "webhooks:"
        one_hook "$2" "$3" "$4" "${5-}"
    } >"$tmp/$2.yaml"
    cp "$tmp/$2.yaml" "$mnt/apis/admissionregistration.k8s.io/v1/$(echo "$1" | tr MV mv)webhookconfigurations/" ||
        fail "webhook $2: $(tail -n 3 "$mnt/errors")"
}
one_hook() {
    cat <<END
- name: $1.hooks.example.com
  admissionReviewVersions: [v1]
  sideEffects: None
  clientConfig: {url: "https://127.0.0.1:$port$2", caBundle: $ca}
  rules: [{$3}]
END
    printf '%s\n' "${4-}" | tr ';' '\n' | sed -n 's/^ */  /p' | grep -v '^ *$'
}
unhook() { rm "$mnt"/apis/admissionregistration.k8s.io/v1/*webhookconfigurations/"$1.yaml" && eventually 10 no_hook "$1"; }
no_hook() { ! ls -d "$mnt"/apis/admissionregistration.k8s.io/v1/*webhookconfigurations/"$1"/ >/dev/null 2>&1; }
# All of them, whoever made them
forget_hooks() {
    local d
    rm -f "$mnt"/apis/admissionregistration.k8s.io/v1/*webhookconfigurations/*.yaml
    for d in "$mnt"/apis/admissionregistration.k8s.io/v1/*webhookconfigurations; do echo 'delete -l e2e=hooks' >"$d/_ctl"; done
    [ -z "$(ls "$mnt"/apis/admissionregistration.k8s.io/v1/*webhookconfigurations/@e2e=hooks | grep -v :)" ]
}
configmaps='apiGroups: [""], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [configmaps]'

# The namespace of what follows
ns=${ns-default}
# configmap NAME DATA: DATA in flow form; exit status and text as of cp
configmap() {
    printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {%s}\n' "$1" "$2" >"$tmp/$1.yaml"
    cp "$tmp/$1.yaml" "$mnt/configmaps/$ns/"
}
# Why its last write was refused
why() { cat "$mnt/configmaps/$ns/$1.yaml.err"; }
data() { cat "$mnt/configmaps/$ns/$1/data/$2" 2>/dev/null; }
