# What runs tests and says how they ended: one line a test, and a count at the end. scripts/test sources
# it, and so does the virtual machine of scripts/test-vm.
#
# prefix: before each test's name.
# K8SFS_SLOWNESS: how many times slower than usual the machine is; all waits are that much longer.
slowness=${K8SFS_SLOWNESS:-1}
prefix=${prefix-}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
passed=0 failed=0 skipped=0
exec 3>&1 # the terminal, for what must not wait

say() { printf '%s\n' "$*" >&3; }

# run NAME COMMAND...: one test; exit status 77 is a skip, whose last line says why.
run() {
    local name=$prefix$1 start=$SECONDS rc
    shift
    timeout --kill-after=10 $((${TIME_LIMIT:-300} * slowness)) "$@" >"$out/log" 2>&1 </dev/null
    rc=$?
    case $rc in
    0)
        passed=$((passed + 1))
        say "ok    $name ($((SECONDS - start)) s)"
        ;;
    77)
        skipped=$((skipped + 1))
        say "skip  $name: $(tail -n 1 "$out/log")"
        ;;
    *)
        failed=$((failed + 1))
        say "FAIL  $name (exit status $rc)"
        tail -n 60 "$out/log" | sed 's/^/      /' >&3
        ;;
    esac
}

# unit_tests FILE...: programs
unit_tests() {
    local test
    for test; do
        [ -f "$test" ] && [ -x "$test" ] && run "$(basename "${test%%/tests/*}")/$(basename "$test")" "$test"
    done
}

# e2e_tests FILE...: scripts that start from lib.sh
e2e_tests() {
    local test
    for test; do
        run "e2e/$(basename "$test" .sh)" "$test"
    done
}

# The last lines; the exit status says whether all is well.
report() {
    [ $skipped = 0 ] || say "$skipped skipped"
    say "$passed passed, $failed failed"
    [ $failed = 0 ]
}
