#!/bin/sh
# Looks for what this project does without:   banned.sh [ROOT]
#
# C is read without comments and the insides of strings, so that a text may name what the code may not use.
# Prints file:line: the reason. Long files are only warned of.
set -eu
cd "${1:-.}"
status=0

product_and_tests=$(find relay model tests -name '*.[ch]' 2> /dev/null | sort)
# shellcheck disable=SC2086 # lists of names without spaces, here and below
[ -z "$product_and_tests" ] || awk '
function ban(pattern, reason) {
    if (match(code, "(^|[^A-Za-z0-9_])(" pattern ")")) {
        printf "%s:%d: %s\n", FILENAME, FNR, reason
        bad = 1
    }
}
# The line without strings, character constants and comments.
function strip(line,   out, c, i, n, quote) {
    out = ""
    n = length(line)
    for (i = 1; i <= n; i++) {
        c = substr(line, i, 1)
        if (in_comment) {
            if (substr(line, i, 2) == "*/") { in_comment = 0; i++ }
        } else if (quote != "") {
            if (c == "\\") i++
            else if (c == quote) { quote = ""; out = out c }
        } else if (substr(line, i, 2) == "/*") { in_comment = 1; i++ }
        else if (substr(line, i, 2) == "//") break
        else {
            if (c == "\"" || c == "\047") quote = c
            out = out c
        }
    }
    return out
}
# A call may go on over lines: a statement is put together until its end, and told of where it was found.
function compare_secrets(   words, pattern) {
    words = "(secret|password|passwd|passphrase|token|h?mac[^a-z]|digest)"
    pattern = "(^|[^A-Za-z0-9_])(memcmp|bcmp|strcmp|strncmp|strcasecmp|strncasecmp)[ \t]*[(]([^;]*[^a-z])?" words
    statement = statement " " code
    if (match(statement, pattern)) {
        printf "%s:%d: %s\n", FILENAME, FNR, "secrets are compared in constant time"
        bad = 1
        statement = ""
    }
    if (code ~ /[;{}]/)
        statement = ""
}
FNR == 1 { in_comment = 0; statement = "" }
{
    code = strip($0)
    ban("(strcpy|strcat|sprintf|vsprintf|strtok|strtok_r|gets|alloca)[ \t]*[(]", "no bound: use struct buf or snprintf")
    ban("(atoi|atol|atoll|atof)[ \t]*[(]", "ignores errors: use relay/base/parse.h")
    ban("setlocale[ \t]*[(]", "the C locale is what the parsers rely on")
    ban("(rand|srand|random|rand_r)[ \t]*[(]", "use struct rng")
    ban("typedef[ \t]+(struct|union)([^A-Za-z0-9_]|$)", "structs are called by their own name")
}
FILENAME ~ /^(relay|model)\// {
    if (FILENAME !~ /^relay\/base\/parse/)
        ban("(strto(l|ul|ll|ull|imax|umax)|sscanf)[ \t]*[(]", "use relay/base/parse.h")
    if (FILENAME !~ /^relay\/base\//)
        ban("strto(d|f|ld)[ \t]*[(]", "use relay/base/parse.h")
    if (FILENAME != "relay/base/clock.c")
        ban("(clock_gettime|gettimeofday|time|clock)[ \t]*[(]", "time comes from struct clock (relay/base/clock.c)")
    compare_secrets()
    ban("goto[ \t]+[a-z]", "release with SCOPED()")
    if (code ~ /^[ \t]*#[ \t]*(if|ifdef|ifndef|elif).*TEST/) ban(".*TEST", "no test hooks in the product")
    if (code ~ /^[ \t]*#[ \t]*pragma[ \t]+once/) ban(".*once", "use an include guard")
}
END { exit bad }' $product_and_tests || status=1

# Text of every kind; these scripts are the only ones that spell the words.
texts=$(find . \( -path ./.git -o -path ./build -o -path ./tests/lint -o -path ./tests/data -o -name __pycache__ \) -prune \
    -o -type f ! -name LICENSE -print | sed 's|^[.]/||' | sort)
documents=$(echo "$texts" | grep -E '^docs/|[.]md$' || :)
# shellcheck disable=SC2086
if [ -n "$texts" ] && grep -HnIwE 'TODO|FIXME|XXX' $texts; then
    echo "unfinished business belongs into an issue"
    status=1
fi
# shellcheck disable=SC2086
if [ -n "$documents" ] && grep -HnIiE 'exactly[- ]once' $documents; then
    echo "the promise is at-least-once intake and one POST per request, in those words"
    status=1
fi

for file in $product_and_tests; do
    lines=$(wc -l < "$file")
    [ "$lines" -le 450 ] || echo "warning: $file has $lines lines; 400 are the aim"
done
exit $status
