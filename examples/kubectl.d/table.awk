# Rows of a table of the tree, laid out again as kubectl does: awk -f table.awk INDEX, by the environment:
#   names    "NAME" or "NAMESPACE/NAME", blank-separated: only these rows, in this order ("" all)
#   prefix   put before each name: "pod/"
#   headers  "no": without the header
# Cells are where the header's titles are; titles are three blanks apart.

function cells(line, out, i) {
    for (i = 1; i <= n; i++) {
        out[i] = i < n ? substr(line, start[i], start[i + 1] - start[i]) : substr(line, start[i])
        sub(/ +$/, "", out[i])
    }
}
function keep(line, is_header, out, i) {
    cells(line, out)
    if (!is_header) out[at] = ENVIRON["prefix"] out[at]
    rows++
    for (i = 1; i <= n; i++) {
        cell[rows, i] = out[i]
        if (length(out[i]) + 3 > width[i]) width[i] = length(out[i]) + 3
    }
}
NR == 1 {
    titles = $0
    for (pos = 1; titles != ""; titles = substr(titles, RLENGTH + 1)) {
        start[++n] = pos
        if (!match(titles, /^[^ ]+( ?[^ ])*  +/)) RLENGTH = length(titles)
        pos += RLENGTH
    }
    at = $1 == "NAMESPACE" ? 2 : 1
    for (i = 1; i <= n; i++) width[i] = 6
    if (ENVIRON["headers"] != "no") keep($0, 1)
    next
}
{
    cells($0, found)
    line[at == 2 ? found[1] "/" found[2] : found[1]] = $0
    order[++total] = $0
}
END {
    if (ENVIRON["names"] == "") for (i = 1; i <= total; i++) keep(order[i])
    n_names = split(ENVIRON["names"], name)
    for (i = 1; i <= n_names; i++) if (name[i] in line) keep(line[name[i]])
    for (i = 1; i <= rows; i++) {
        text = ""
        for (j = 1; j < n; j++) text = text sprintf("%-" width[j] "s", cell[i, j])
        print text cell[i, n]
    }
}
