#!/bin/bash
# What the linker and the compiler were asked for is in the programs:   hardened.sh PROGRAM…   or   hardened.sh --faults
#
# Read from the files by readelf, so that a flag which got lost on its way is found whoever lost it. --faults builds
# small programs that lack one thing each, and wants each to be found.
set -u
export LC_ALL=C
bad=0

# lacks PROGRAM WHAT: said, and remembered
lacks() {
    echo "$1: $2"
    bad=1
}

look() {
    local header segments dynamic symbols
    if ! header=$(readelf -hW "$1" 2>&1); then
        lacks "$1" "cannot be read: $header"
        return
    fi
    segments=$(readelf -lW "$1") dynamic=$(readelf -dW "$1") symbols=$(readelf -W --dyn-syms "$1")
    grep -q 'Type: *DYN' <<< "$header" || lacks "$1" "not position independent (-fPIE)"
    grep -q 'FLAGS_1.* PIE' <<< "$dynamic" || lacks "$1" "not linked position independent (-pie)"
    grep -q GNU_RELRO <<< "$segments" || lacks "$1" "no read-only relocations (-z relro)"
    grep -q 'FLAGS) .*BIND_NOW' <<< "$dynamic" || lacks "$1" "relocations stay writable (-z now)"
    grep -qE 'GNU_STACK .* RW +0x' <<< "$segments" || lacks "$1" "executable stack (-z noexecstack)"
    ! grep -qE 'LOAD .* RWE ' <<< "$segments" || lacks "$1" "memory that is writable and executable"
    ! grep -q TEXTREL <<< "$dynamic" || lacks "$1" "relocations in the code"
    ! grep -qE '\((RPATH|RUNPATH)\)' <<< "$dynamic" || lacks "$1" "a path of its own to look for libraries (-rpath)"
    grep -q ' __stack_chk_fail' <<< "$symbols" || lacks "$1" "no stack protector (-fstack-protector-strong)"
    grep -qE ' __(vsn|sn|f)printf_chk' <<< "$symbols" || lacks "$1" "no checked functions (-D_FORTIFY_SOURCE)"
}

# finds WHAT FLAG…: a program built with these flags beside the good ones
finds() {
    local want=$1 said
    shift
    "${CC:-cc}" "${good[@]}" "$@" -o "$work/t" "$work/t.c" || { bad=1; return; }
    said=$(look "$work/t")
    case $want in
    nothing) [ -z "$said" ] ;;
    *) [[ $said == *"$want"* ]] ;;
    esac && return
    echo "built with '$*': '$want' is to be found, not '$said'"
    bad=1
}

faults() {
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    good=(-O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE -pie "-Wl,-z,relro,-z,now")
    cat > "$work/t.c" <<'C'
#include <stdio.h>
#ifdef MIXED
__asm__(".section .mixed, \"awx\"\n.byte 0\n.text");
#endif
int main(int argc, char **argv)
{
    char b[64];
    snprintf(b, (size_t)argc * 8, "%s", argv[0]);
    return puts(b);
}
C
    finds nothing
    finds "linked position independent" -no-pie
    finds "(-fPIE)" -no-pie
    finds "no read-only relocations" -Wl,-z,norelro
    finds "relocations stay writable" -Wl,-z,lazy
    finds "executable stack" -Wl,-z,execstack
    finds "to look for libraries" -Wl,-rpath,/tmp
    finds "no stack protector" -fno-stack-protector
    finds "no checked functions" -U_FORTIFY_SOURCE
    finds "writable and executable" -DMIXED -Wl,--no-warn-rwx-segments
    echo 'not a program' > "$work/none"
    [[ $(look "$work/none") == *"cannot be read"* ]] || { echo "a file that is no program is taken"; bad=1; }
}

if [ "${1-}" = --faults ]; then
    faults
elif [ $# -eq 0 ]; then
    echo "usage: hardened.sh PROGRAM…" >&2
    exit 2
else
    for program; do look "$program"; done
fi
exit $bad
