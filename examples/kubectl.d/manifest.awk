# One file for each document of manifests: awk -f manifest.awk FILE..., by the environment: `docs` the directory to
# write into, `namespace` what a namespaced object gets that names none ("": nothing), `index` the tree's
# apis/_index, which says what is namespaced. Each begins at its line of the file, so that faults are told by that.

function flush_doc(i, file) {
    if (content && ENVIRON["namespace"] != "" && namespaced[value("apiVersion") "/" value("kind")]) give_namespace()
    if (content) {
        file = sprintf("%s/%04d", ENVIRON["docs"], ++n_docs)
        for (i = 1; i < first; i++) print "" >file
        print doc >file
        close(file)
    }
    doc = content = ""
}
# A top-level field: at the beginning of a line, or in a document that is a map in braces (JSON) where it comes first.
function value(name, at, v) {
    if (!match("\n" doc, braces() ? "\"?" name "\"?[ \t]*:[ \t\n]*[^ \t\n,}]+" : "\n" name ":[ \t]*[^ \t\n#]+")) return ""
    v = substr("\n" doc, RSTART, RLENGTH)
    sub(/^[^:]*:[ \t\n]*/, "", v)
    gsub(/["'\r]/, "", v)
    return v
}
function braces() { return doc ~ /^[ \t\n]*\{/ }
function give_namespace(at, rest) {
    if (match("\n" doc, braces() ? "\"?metadata\"?[ \t]*:[ \t\n]*[{]" : "\nmetadata:[ \t]*[{]")) {
        at = RSTART + RLENGTH - 2
        rest = substr(doc, at)
        if (own_entries(rest) !~ /[{,][ \t\n]*"?namespace"?[ \t]*:/)
            doc = substr(doc, 1, at) "\"namespace\": \"" ENVIRON["namespace"] "\", " substr(doc, at + 1)
    } else if (match("\n" doc, /\nmetadata:[^\n]*\n/)) {
        at = RSTART + RLENGTH - 2
        rest = substr(doc, at + 1)
        sub(/\n[^ \t\n#].*/, "", rest)  # up to the next top-level field
        if (match(rest, /(^|\n) +[^ #\n]/)) {
            blanks = substr(rest, RSTART, RLENGTH - 1)
            sub(/^\n/, "", blanks)
            if (("\n" rest) !~ ("\n" blanks "\"?namespace\"?:"))
                doc = substr(doc, 1, at) blanks "namespace: \"" ENVIRON["namespace"] "\"\n" substr(doc, at + 1)
        }
    }
}
# Of a map in braces at the start of text: what is not nested deeper.
function own_entries(text, i, c, depth, out) {
    for (i = 1; i <= length(text); i++) {
        c = substr(text, i, 1)
        if (c == "{") depth++
        if (depth == 1) out = out c
        if (c == "}" && --depth == 0) break
    }
    return out
}
BEGIN {
    while ((getline row <ENVIRON["index"]) > 0) {
        n = split(row, cell)
        namespaced[cell[n - 2] "/" cell[n]] = cell[n - 1] == "true"
    }
}
FNR == 1 && NR > 1 { flush_doc() }
/^---/ {
    flush_doc()
    sub(/^---[ \t]*/, "")
    if ($0 == "" || $0 ~ /^#/) next
}
/^\.\.\.[ \t]*$/ { next }
{
    if (doc == "") first = FNR
    doc = doc (doc == "" ? "" : "\n") $0
    if ($0 !~ /^[ \t\r]*(#.*)?$/) content = 1
}
END { flush_doc() }
