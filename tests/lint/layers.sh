#!/bin/sh
# Checks the floors of the house over every #include:   layers.sh [ROOT]
#
# A file may include only rooms on floors below its own, or its own room. Pure rooms see no threads, sockets or files.
# A library is included in one place, so that it can be replaced there. Prints file:line and what is wrong.
set -eu
cd "${1:-.}"
files=$(find relay model -name '*.[ch]' 2> /dev/null | sort)
# shellcheck disable=SC2086 # a list of names without spaces
[ -z "$files" ] || awk '
BEGIN {
    split("main 8 cli 7 edge 6 core 5 store 4 conf 4 engine 3 github 3 grafana 3 alert 2 base 1", pair, " ")
    for (i = 1; i in pair; i += 2)
        floor[pair[i]] = pair[i + 1]
    split("main 7 train_main 7 app_main 7 cli 6 server 5 train 5 app 5 predict 4 monitor 4 model_file 3 oip 2 features 2 drift 2 series 1 csv 1", pair, " ")
    for (i = 1; i in pair; i += 2)
        floor["model/" pair[i]] = pair[i + 1]
    pure = "^(engine|github|grafana|alert|model/(drift|oip|predict))$"
    io = "^<(unistd|fcntl|poll|pthread|signal|netdb|sys/(socket|stat|epoll|eventfd|mman|wait)|arpa/inet|netinet/.*)[.]h>$"
    io_base = "^relay/base/(http_|service|watch|sandbox|log|metrics|settings)"
    home["microhttpd.h"] = "^relay/base/http_"
    home["curl/curl.h"] = "^relay/base/http_"
    home["libconfig.h"] = "^relay/base/settings"
    home["gnutls/gnutls.h"] = "^relay/base/(rs256|tls)"
    home["gnutls/x509.h"] = "^relay/base/(rs256|tls)"
    home["gnutls/abstract.h"] = "^relay/base/(rs256|tls)"
    home["sqlite3.h"] = "^relay/store/sqlite"
}
# The room of a path from the root: the folder below relay/, or the file that stands there itself
# (conf_env.c is of conf). Those of model/ have its name before theirs.
function room(path,   part) {
    split(path, part, "/")
    if (part[1] == "model") {
        sub(/[.][ch]$/, "", part[2])
        return "model/" part[2]
    }
    sub(/(_[a-z_]+)?[.][ch]$/, "", part[2])
    if (part[2] ~ /^conf_/) # the config is one room without a folder
        return "conf"
    return part[2]
}
function wrong(text) {
    printf "%s:%d: %s\n", FILENAME, FNR, text
    bad = 1
}
function check_floor(mine, path,   other) {
    other = room(path)
    if (mine == other)
        return
    if (mine ~ /^model/ && other == "base" && !(mine ~ pure && path ~ io_base))
        return
    if (mine ~ /^model/ && other == "base")
        wrong(mine " is pure and may not include \"" path "\"")
    else if ((mine ~ /^model/) != (other ~ /^model/))
        wrong("model/ and relay/ share relay/base and nothing else: \"" path "\"")
    else if (!(other in floor))
        wrong("\"" path "\" is in no room of the house")
    else if (floor[other] >= floor[mine])
        wrong(mine " (floor " floor[mine] ") may not include " other " (floor " floor[other] "): \"" path "\"")
    else if (mine ~ pure && path ~ io_base)
        wrong(mine " is pure and may not include \"" path "\"")
}
FNR == 1 {
    mine = room(FILENAME)
    if (!(mine in floor))
        wrong((mine ~ /^model/ ? "" : "relay/") mine " has no floor")
}
/^[ \t]*#[ \t]*include/ {
    path = $0
    sub(/^[ \t]*#[ \t]*include[ \t]*/, "", path)
    sub(/[ \t]*(\/[*\/].*)?$/, "", path)
    name = substr(path, 2, length(path) - 2)
    if (path ~ /^"/ && name !~ /^(relay|model)\//)
        wrong("includes start at the root: " path)
    else if (name ~ /^(relay|model)\// && name ~ /(^|\/)[.][.]?\//)
        wrong("includes name the straight way: " path)
    else if (name ~ /^(relay|model)\//)
        check_floor(mine, name)
    else if (path !~ /^[<"]/)
        wrong("an include names its file: " path)
    else if (name in home && FILENAME !~ home[name])
        wrong(path " has its only place in " substr(home[name], 2) "*")
    else if (mine ~ pure && path ~ io)
        wrong(mine " is pure and may not include " path)
}
END { exit bad }' $files
