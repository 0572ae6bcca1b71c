#!/bin/bash
# Secrets of the type kubernetes.io/service-account-token: filled, gone with their account; TokenReview knows them.
. "$(dirname "$0")/lib.sh"
start_daemon

secrets=$mnt/secrets/prod
mkdir "$mnt/namespaces/prod" || fail mkdir
account() { printf 'apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: %s, namespace: prod}\n' "$1"; }
secret() { # NAME ACCOUNT
    printf 'apiVersion: v1\nkind: Secret\nmetadata: {name: %s, namespace: prod, annotations: {kubernetes.io/service-account.name: %s}}\ntype: kubernetes.io/service-account-token\n' "$1" "$2"
}
# review TOKEN: TokenReview's answer
review() {
    exec 3<>"$mnt/apis/authentication.k8s.io/v1/tokenreviews/x.yaml"
    printf 'spec:\n  token: %s\n' "$1" >&3 || fail "token review"
    cat <&3
    exec 3>&-
}
# `data` shows decoded bytes in its files, and base64 in object.yaml
decoded() { sed -n "s/^  $2: *//p" "$secrets/$1/object.yaml" | head -n 1 | base64 -d; }
filled() { [ -n "$(decoded "$1" token)" ]; }

{ account bot; echo ---; secret bot-key bot; } | put bot
eventually 5 filled bot-key
token=$(decoded bot-key token)
equal namespace prod "$(decoded bot-key namespace)"
equal ca.crt "$(cat "$state/ca.crt")" "$(decoded bot-key ca.crt)"
equal uid "$(cat "$mnt/serviceaccounts/prod/bot/metadata/uid")" "$(cat "$secrets/bot-key/metadata/annotations/kubernetes.io%2Fservice-account.uid")"
answer=$(review "$token")
contains "$answer" 'authenticated: true'
contains "$answer" 'username: system:serviceaccount:prod:bot'
# without an end
printf '%s' "$token" | cut -d. -f2 | tr '_-' '/+' | awk '{while (length($0) % 4) $0 = $0 "="; print}' | base64 -d >"$tmp/claims"
equal claims 'bot-key null' "$(jq -r '"\(."kubernetes.io".secret.name) \(.exp)"' "$tmp/claims")"
[ ! -e "$mnt/serviceaccounts/prod/bot/secrets/0" ] || fail "secrets of the account: $(ls "$mnt/serviceaccounts/prod/bot/secrets")"
contains "$(cat "$mnt/serviceaccounts/prod/bot/describe")" 'Tokens: *bot-key'
# the manifest applied again takes nothing away
{ account bot; echo ---; secret bot-key bot | sed 's/annotations: {/labels: {a: b}, &/'; } | put bot
equal "applied again" "$token" "$(decoded bot-key token)"
# the daemon goes, the token stays
stop_daemon
start_daemon
contains "$(review "$token")" 'authenticated: true'

# emptied, it is revoked, and another takes its place
echo '{"data": {"token": null}}' >"$secrets/bot-key/patch.merge" || fail "patch"
eventually 5 filled bot-key
new=$(decoded bot-key token)
[ "$new" != "$token" ] || fail "the same token again"
contains "$(review "$token")" 'not the one in its secret'
contains "$(review "$new")" 'authenticated: true'
# the Secret of that name made anew is another one
rmdir "$secrets/bot-key" || fail rmdir
contains "$(review "$new")" 'error: '
rm "$mnt/apply/bot.yaml"
eventually 5 test ! -e "$mnt/serviceaccounts/prod/bot"

# an account of that name made anew gets none of the old one's
account again >"$mnt/serviceaccounts/again.yaml" || fail "account"
secret again-key again >"$mnt/secrets/again.yaml" || fail "secret"
eventually 5 filled again-key
token=$(decoded again-key token)
rmdir "$mnt/serviceaccounts/prod/again" && account again >"$mnt/serviceaccounts/again.yaml" || fail "account, again"
eventually 5 test ! -e "$secrets/again-key"
contains "$(review "$token")" 'error: '

# of an account that is not there, none stays; without the annotation, it is refused
secret nobodys nobody | put nobodys
eventually 5 test ! -e "$secrets/nobodys"
refused 'Invalid argument' cp /dev/stdin "$mnt/secrets/bad.yaml" <<<'{apiVersion: v1, kind: Secret, metadata: {name: bad}, type: kubernetes.io/service-account-token}'
contains "$(tail -n 1 "$mnt/errors")" 'service-account.name'

# each account has one, which is made anew when it is gone, and not besides one that somebody wrote
has() { ls -d "$secrets/$1"-token-????? >/dev/null 2>&1; }
gone() { ! has "$1"; }
token_of() { basename "$(ls -d "$secrets/$1"-token-?????)"; }
account last >"$mnt/serviceaccounts/last.yaml" || fail "account"
for name in again default last; do
    eventually 5 has "$name"
    eventually 5 filled "$(token_of "$name")"
done
old=$(token_of last)
rmdir "$secrets/$old"
eventually 5 has last
[ "$(token_of last)" != "$old" ] || fail "$old is still there"
rmdir "$mnt/serviceaccounts/prod/last"
eventually 5 gone last
{ account own; echo ---; secret own-key own; } | put own
eventually 5 filled own-key
gone own || fail "a second one besides own-key"

# unless the namespace wants none
echo false >"$mnt/namespaces/prod/metadata/annotations/k8sfs.io%2Ftoken-secrets" || fail "annotation"
account later >"$mnt/serviceaccounts/later.yaml" || fail "account"
rmdir "$secrets/$(token_of again)"
eventually 5 gone again
rm "$mnt/namespaces/prod/metadata/annotations/k8sfs.io%2Ftoken-secrets" || fail "no annotation"
for name in again later; do eventually 5 has "$name"; done
rmdir "$mnt/namespaces/prod" || fail "rmdir of the namespace"
eventually 20 test ! -e "$mnt/namespaces/prod"
