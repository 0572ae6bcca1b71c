# How ordinary tools write a file: words for tests, each with the file that is to be there and the
# path that it is to have. Source it after lib.sh, in a directory of the test's own.
#
#   tools              their names, one a line; those that are not installed are left out, and said
#   write_with TOOL FILE PATH
#
# What an editor changes is the line `    count: "..."`, which FILE differs in from what PATH has.
have() { command -v "$1" >/dev/null || { echo "without $1" >&2; return 1; }; }

tools() {
    printf '%s\n' cp cp-p cp-r install mv-across mv-beside tee tee-pipe bash-cat bash-echo bash-printf bash-group \
        bash-heredoc bash-append dash-cat dash-echo busybox-cat busybox-echo busybox-cp busybox-sed sed-i \
        perl-pi perl-print awk dd dd-small tar tar-again python python-no-close python-atomic \
        writes-of-one-byte backwards
    have vim && printf 'vim %s\n' 'auto backup' 'auto nobackup' 'yes backup' 'yes nobackup' 'no backup' 'no nobackup'
    have nano && printf '%s\n' nano nano-B
    have emacs && echo emacs
    have ed && echo ed
    have ex && echo ex
    have rsync && printf '%s\n' rsync rsync-inplace rsync-again
    have unzip && echo unzip
    have git && echo git
    have curl && echo curl
    have sqlite3 && echo sqlite3
}

line_of_count() { grep '^    count: ' "$1"; }
number_of_count() { grep -n '^    count: ' "$1" | cut -d: -f1; }
# One key after the other, as hands would: the editor must have drawn its screen before.
nano_with() { # OPTION FILE PATH
    local end='\r'
    [ "$(number_of_count "$2")" != "$(wc -l <"$2")" ] || end= # nano ends the last line by itself
    {
        sleep 0.7
        printf "\\013%s$end" "$(line_of_count "$2")"
        sleep 0.2
        printf '\017'
        sleep 0.2
        printf '\r'
        sleep 0.4
        printf '\030'
        sleep 0.2
        printf 'n' # what was refused is not asked for again
        sleep 0.2
    } | TERM=xterm timeout 20 script -qec "nano $1 +$(number_of_count "$2") '$3'" /dev/null >/dev/null
}
vim_with() { # BACKUPCOPY BACKUP FILE PATH
    vim -u NONE -i NONE -es -c "set nocp backupskip= backupcopy=$1 $2 writebackup" \
        -c "%s/^    count: .*/$(line_of_count "$3")/" -c wq "$4" </dev/null >/dev/null
}
git_with() { # FILE PATH
    local repo=$PWD/repo work=${2%/*} name=${2##*/}
    export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
    [ -d repo ] || git init -q -b main repo
    git -C repo checkout -q --orphan "b$RANDOM$RANDOM" && cp "$1" "repo/$name" && git -C repo add "$name" &&
        git -C repo commit -qm x && git --git-dir "$repo/.git" --work-tree "$work" checkout -qf HEAD -- "$name"
}

write_with() {
    local file=$2 path=$3 dir=${3%/*} name=${3##*/}
    case $1 in
    cp) cp "$file" "$path" ;;
    cp-p) cp -p "$file" "$path" ;;
    cp-r) rm -rf tree && mkdir tree && cp "$file" "tree/$name" && cp -r tree/. "$dir/" ;;
    install) install -m 644 "$file" "$path" ;;
    mv-across) cp "$file" moved && mv moved "$path" ;;
    mv-beside) cp "$file" "$dir/upload" && mv "$dir/upload" "$path" || { rm -f "$dir/upload"; return 1; } ;;
    tee) tee "$path" <"$file" >/dev/null ;;
    tee-pipe) { head -n 2 "$file"; sleep 0.1; tail -n +3 "$file"; } | tee "$path" >/dev/null ;;
    bash-cat) bash -c 'cat "$1" >"$2"' - "$file" "$path" ;;
    bash-echo) bash -c 'text=$(cat "$1"); echo "$text" >"$2"' - "$file" "$path" ;;
    bash-printf) bash -c 'text=$(cat "$1"); printf "%s\n" "$text" >"$2"' - "$file" "$path" ;;
    bash-group) bash -c '{ head -n 3 "$1"; tail -n +4 "$1" | cat; } >"$2"' - "$file" "$path" ;;
    bash-heredoc) { echo 'cat >"$1" <<E'; cat "$file"; echo E; } >heredoc && bash heredoc "$path" ;;
    bash-append) : >"$dir/part" && head -n 3 "$file" >>"$dir/part" && tail -n +4 "$file" >>"$dir/part" &&
        mv "$dir/part" "$path" || { rm -f "$dir/part"; return 1; } ;;
    dash-cat) dash -c 'cat "$1" >"$2"' - "$file" "$path" ;;
    dash-echo) dash -c 'text=$(cat "$1"); echo "$text" >"$2"' - "$file" "$path" ;;
    busybox-cat) busybox sh -c 'cat "$1" >"$2"' - "$file" "$path" ;;
    busybox-echo) busybox sh -c 'text=$(cat "$1"); echo "$text" >"$2"' - "$file" "$path" ;;
    busybox-cp) busybox cp "$file" "$path" ;;
    busybox-sed) busybox sed -i "s/^    count: .*/$(line_of_count "$file")/" "$path" ;;
    sed-i) sed -i "s/^    count: .*/$(line_of_count "$file")/" "$path" ;;
    perl-pi) LINE=$(line_of_count "$file") perl -pi -e 's/^    count: .*/$ENV{LINE}/' "$path" ;;
    perl-print) perl -e 'open my $i, "<", $ARGV[0] or die; open my $o, ">", $ARGV[1] or die; print {$o} <$i>; close $o or exit 1' "$file" "$path" ;;
    awk) awk 1 "$file" >"$path" ;;
    dd) dd if="$file" of="$path" status=none ;;
    dd-small) dd if="$file" of="$path" bs=7 status=none ;;
    tar) mkdir -p t && cp "$file" "t/$name" && tar cf t.tar -C t "$name" && tar xf t.tar -C "$dir" ;;
    tar-again) mkdir -p t && cp "$file" "t/$name" && tar cf t.tar -C t "$name" && tar xf t.tar -C "$dir" && tar xf t.tar -C "$dir" ;;
    python) python3 -c 'import sys; f = open(sys.argv[2], "w"); f.write(open(sys.argv[1]).read()); f.close()' "$file" "$path" ;;
    python-no-close) python3 -c 'import sys; f = open(sys.argv[2], "w"); f.write(open(sys.argv[1]).read())' "$file" "$path" ;;
    python-atomic) python3 -c '
import os, sys, tempfile
fd, new = tempfile.mkstemp(dir=os.path.dirname(sys.argv[2]))
os.write(fd, open(sys.argv[1], "rb").read()); os.fsync(fd); os.close(fd)
try: os.replace(new, sys.argv[2])
except OSError: os.unlink(new); raise' "$file" "$path" 2>/dev/null ;;
    writes-of-one-byte) python3 -c '
import os, sys
fd = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
for byte in open(sys.argv[1], "rb").read(): os.write(fd, bytes([byte]))
os.close(fd)' "$file" "$path" 2>/dev/null ;;
    backwards) python3 -c '
import os, sys
text = open(sys.argv[1], "rb").read()
fd = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
for at in reversed(range(0, len(text), 11)): os.pwrite(fd, text[at:at + 11], at)
os.close(fd)' "$file" "$path" 2>/dev/null ;;
    vim\ *) set -- $1; vim_with "$2" "$3" "$file" "$path" ;;
    nano) nano_with "" "$file" "$path" ;;
    nano-B) nano_with -B "$file" "$path" ;;
    emacs) LINE=$(line_of_count "$file") emacs --batch -Q "$path" --eval \
        '(progn (goto-char 1) (re-search-forward "^    count: .*") (replace-match (getenv "LINE") t t) (save-buffer))' >/dev/null 2>&1 ;;
    ed) printf '%s\n' "1,\$s/^    count: .*/$(line_of_count "$file")/" w q | ed -s "$path" ;;
    ex) printf '%s\n' "%s/^    count: .*/$(line_of_count "$file")/" wq | ex -s "$path" ;;
    rsync) cp "$file" "$name" 2>/dev/null; rsync -a --ignore-times "$name" "$dir/" ;;
    rsync-inplace) cp "$file" "$name" 2>/dev/null; rsync -a --ignore-times --inplace "$name" "$dir/" ;;
    rsync-again) cp "$file" "$name" 2>/dev/null; rsync -a --ignore-times "$name" "$dir/" && [ -z "$(rsync -ai "$name" "$dir/")" ] ;;
    unzip) python3 -c 'import sys, zipfile; zipfile.ZipFile("z.zip", "w").write(sys.argv[1], sys.argv[2])' "$file" "$name" &&
        unzip -oq z.zip -d "$dir" ;;
    git) git_with "$file" "$path" ;;
    curl) curl -s -o "$path" "file://$PWD/$file" ;;
    sqlite3) sqlite3 :memory: ".output $path" "select rtrim(cast(readfile('$file') as text), char(10))" ;;
    *) fail "no tool $1" ;;
    esac
}
