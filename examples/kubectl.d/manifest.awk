# One file for each document of manifests: awk -f manifest.awk FILE..., by the environment: `docs` the directory to
# write into, `namespace` what a namespaced object gets that names none ("": nothing), `index` the tree's
# apis/_index, which says what is namespaced. Each begins at its line of the file, so that faults are told by that.

function flush_doc(i, file, k, inside, said) {
    k = value("kind")
    if (lines && namespace != "" && namespaced[value("apiVersion") "/" k]) {
        for (i = 1; i <= lines; i++) {
            if (doc[i] ~ /^("?metadata"?:|[ \t]+"metadata":)/) inside = i
            else if (inside && doc[i] ~ /^[^ \t#]/) break
            if (inside && doc[i] ~ /[ {,"]namespace"?:/) said = 1
        }
        if (inside && !said) insert(inside)
    }
    file = sprintf("%s/%04d", ENVIRON["docs"], ++n_docs)
    for (i = 1; content && i < first; i++) print "" >file
    for (i = 1; i <= lines; i++) print doc[i] >file
    if (content) close(file)
    else { close(file); system("rm -f " file); n_docs-- }
    lines = content = 0
}
# The value of a top-level field, in YAML or pretty JSON.
function value(name, i, v) {
    for (i = 1; i <= lines; i++)
        if (match(doc[i], "^([ \t]*\"|[{]\")?" name "\"?: *")) {
            v = substr(doc[i], RLENGTH + 1)
            gsub(/^["']|["' ,\r]+$/, "", v)
            sub(/ *#.*/, "", v)
            return v
        }
    return ""
}
function insert(at, blanks) {
    if (sub(/\{/, "{\"namespace\": \"" namespace "\", ", doc[at])) return
    blanks = "  "
    if (match(doc[at + 1], /^ +/)) blanks = substr(doc[at + 1], 1, RLENGTH)
    doc[at] = doc[at] "\n" blanks "namespace: \"" namespace "\""
}
BEGIN {
    namespace = ENVIRON["namespace"]
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
    if (!lines) first = FNR
    doc[++lines] = $0
    if ($0 !~ /^[ \t\r]*(#.*)?$/) content = 1
}
END { flush_doc() }
