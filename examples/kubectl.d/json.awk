# JSON in, a jsonpath template's text out: awk -f json.awk FILE, with `template` in the environment:
#   {.metadata.name}  {.spec.containers[*].image}  {.status.conditions[?(@.type=="Ready")].status}
#   {range .items[*]}{.metadata.name}{"\t"}{end}   keys: a\.b or ['a.b']; indexes: [0] [-1] [*]
# With `columns` ("NAME:.metadata.name,IMAGE:.spec.containers[*].image") a row of cells for each of .items.

# -- reading: kind[path], text[path] of scalars, size[path], key[path, i]; a path is its keys, each after SEP --

function token() {
    for (;;) {
        sub(/^[ \t\r]+/, "", line)
        if (line != "") break
        if ((getline line) <= 0) return t = ""
    }
    if (!match(line, /^"([^"\\]|\\.)*"/) && !match(line, /^[][{},:]/)) match(line, /^[^][{},: \t\r]+/)
    t = substr(line, 1, RLENGTH)
    line = substr(line, RLENGTH + 1)
    return t
}
function parse(path, close_by, n, name) {
    if (t != "{" && t != "[") {
        kind[path] = substr(t, 1, 1) == "\"" ? "string" : "plain"
        text[path] = t
        return
    }
    kind[path] = t
    close_by = t == "{" ? "}" : "]"
    for (n = 0; token() != close_by && t != "";) {
        if (t == ",") continue
        name = n
        if (close_by == "}") {
            name = decode(t)
            token()
            token()
        }
        key[path, n++] = name
        parse(path SEP name)
    }
    size[path] = n
}
function utf8(code) {
    if (code < 128) return sprintf("%c", code)
    if (code < 2048) return sprintf("%c%c", 192 + int(code / 64), 128 + code % 64)
    return sprintf("%c%c%c", 224 + int(code / 4096), 128 + int(code / 64) % 64, 128 + code % 64)
}
function hex(digits, i, n) {
    for (i = 1; i <= length(digits); i++) n = n * 16 + index("0123456789abcdef", tolower(substr(digits, i, 1))) - 1
    return n
}
function decode(quoted, out, c) {
    quoted = substr(quoted, 2, length(quoted) - 2)
    while (match(quoted, /\\/)) {
        out = out substr(quoted, 1, RSTART - 1)
        c = substr(quoted, RSTART + 1, 1)
        quoted = substr(quoted, RSTART + 2)
        if (c == "u") {
            out = out utf8(hex(substr(quoted, 1, 4)))
            quoted = substr(quoted, 5)
        } else {
            out = out (c in escape ? escape[c] : c)
        }
    }
    return out quoted
}

# -- writing --

function as_json(path, i, out) {
    if (kind[path] == "string" || kind[path] == "plain") return text[path]
    for (i = 0; i < size[path]; i++)
        out = out (i ? "," : "") (kind[path] == "{" ? "\"" key[path, i] "\":" : "") as_json(path SEP key[path, i])
    return kind[path] out (kind[path] == "{" ? "}" : "]")
}
function as_text(path) {
    return kind[path] == "string" ? decode(text[path]) : text[path] == "null" ? "" : as_json(path)
}

# -- paths: what `expr` says of the value at `from`, into found[1..n] --

function holds(path, test, found, n, op, wanted) {
    sub(/^@/, "", test)
    if (!match(test, /(==|!=|<=|>=|<|>)/)) return find(path, test, found) > 0
    op = substr(test, RSTART, RLENGTH)
    wanted = substr(test, RSTART + RLENGTH)
    test = substr(test, 1, RSTART - 1)
    gsub(/^ +| +$/, "", wanted)
    gsub(/ +$/, "", test)
    if (wanted ~ /^['"].*['"]$/) wanted = substr(wanted, 2, length(wanted) - 2)
    n = find(path, test, found) ? as_text(found[1]) : ""
    if (n ~ /^-?[0-9.]+$/ && wanted ~ /^-?[0-9.]+$/) { n += 0; wanted += 0 }
    return op == "==" ? n == wanted : op == "!=" ? n != wanted : op == "<" ? n < wanted : \
        op == ">" ? n > wanted : op == "<=" ? n <= wanted : n >= wanted
}
function find(from, expr, found, step, n, m, i, j, next_found) {
    found[n = 1] = from
    while (expr != "") {
        if (match(expr, /^\[\?\([^)]*\)\]/)) step = "?" substr(expr, 4, RLENGTH - 5)
        else if (match(expr, /^\[['"][^]]*['"]\]/)) step = "." substr(expr, 3, RLENGTH - 4)
        else if (match(expr, /^\[[^]]*\]/)) step = "[" substr(expr, 2, RLENGTH - 2)
        else if (match(expr, /^\.([^.[\\]|\\.)+/)) { step = substr(expr, 1, RLENGTH); gsub(/\\/, "", step) }
        else if (expr == ".") break
        else { print "error: error parsing jsonpath " expr >"/dev/stderr"; failed = 1; exit 1 }
        expr = substr(expr, RLENGTH + 1)
        m = 0
        for (i = 1; i <= n; i++) m = take(found[i], step, next_found, m)
        for (i = 1; i <= m; i++) found[i] = next_found[i]
        n = m
    }
    return n
}
# One step from path; appends to out[], which has m. Return: how many it has now.
function take(path, step, out, m, name, i) {
    name = substr(step, 2)
    if (step == "[*" || step == ".*" || step ~ /^\?/) {
        for (i = 0; i < size[path]; i++)
            if (step !~ /^\?/ || holds(path SEP key[path, i], name)) out[++m] = path SEP key[path, i]
        return m
    }
    if (step ~ /^\[-/) name = size[path] + name
    if ((path SEP name) in kind) out[++m] = path SEP name
    return m
}

# -- templates --

function split_template(template, n, at) {
    while (template != "") {
        if (substr(template, 1, 1) != "{") {
            at = index(template, "{")
            part[++n] = "\"" (at ? substr(template, 1, at - 1) : template)
            template = at ? substr(template, at) : ""
            continue
        }
        if (!match(template, /^\{("([^"\\]|\\.)*"|[^}"]|"[^"]*")*\}/)) { print "error: unclosed action" >"/dev/stderr"; failed = 1; exit 1 }
        at = substr(template, 2, RLENGTH - 2)
        template = substr(template, RLENGTH + 1)
        gsub(/^ +| +$/, "", at)
        part[++n] = at ~ /^".*"$/ ? "\"" decode(at) : at
    }
    return n
}
# Run the parts from i on for the value at `from`, up to the end or `end`. Return: where it stopped.
function run(i, from, found, n, j, out, stop) {
    for (; i <= n_parts; i++) {
        if (part[i] ~ /^"/) printf "%s", substr(part[i], 2)
        else if (part[i] == "end") return i
        else if (part[i] ~ /^range /) {
            n = find(from, substr(part[i], 7), found)
            stop = 0
            for (j = 1; j <= n; j++) stop = run(i + 1, found[j])
            if (!stop) for (stop = i + 1; stop <= n_parts && part[stop] != "end";) stop++
            i = stop
        } else {
            out = part[i]
            sub(/^[$@]/, "", out)
            if (out !~ /^[.[]/) out = "." out
            n = find(from, out, found)
            for (j = 1; j <= n; j++) printf "%s%s", (j > 1 ? " " : ""), as_text(found[j])
        }
    }
    return i
}
function table(columns, n, i, j, k, m, title, path, found, cell) {
    n = split(columns, title, ",")
    for (i = 1; i <= n; i++) {
        path[i] = title[i]
        sub(/:.*/, "", title[i])
        sub(/^[^:]*:/, "", path[i])
        printf "%s%s", title[i], (i < n ? "\t" : "\n")
    }
    for (k = 0; k < size[SEP "items"]; k++)
        for (i = 1; i <= n; i++) {
            m = find(SEP "items" SEP k, path[i] ~ /^[.[]/ ? path[i] : "." path[i], found)
            cell = m ? "" : "<none>"
            for (j = 1; j <= m; j++) cell = cell ((j > 1) ? "," : "") as_text(found[j])
            printf "%s%s", cell, (i < n ? "\t" : "\n")
        }
}
BEGIN {
    SEP = "\035"
    escape["n"] = "\n"; escape["t"] = "\t"; escape["r"] = "\r"; escape["b"] = "\b"; escape["f"] = "\f"
    token()
    parse("")
    if (ENVIRON["columns"] != "") table(ENVIRON["columns"])
    else {
        n_parts = split_template(ENVIRON["template"])
        run(1, "")
    }
    exit failed
}
