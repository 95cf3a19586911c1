"""The changes that are made to a C file, one at a time: comparisons, logic, signs, constants, words of an enumeration,
conditions turned round, statements removed, neighbouring rows of a table swapped."""

import re
from collections import namedtuple

Mutant = namedtuple("Mutant", "path line function before after source")

TOKEN = re.compile(
    r"(?P<skip>/\*.*?\*/|//[^\n]*|^#\s*include[^\n]*|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*')"
    r"|(?P<number>\b\d\w*)|(?P<word>[A-Za-z_]\w*)"
    r"|(?P<sign>->|\+\+|--|<<|>>|[-+*/%&|^<>=!]=|&&|\|\||[^\s\w])",
    re.S | re.M,
)
SIGNS = {
    "<": ["<=", ">="], "<=": ["<", ">"], ">": [">=", "<="], ">=": [">", "<"], "==": ["!="], "!=": ["=="],
    "&&": ["||"], "||": ["&&"], "++": ["--"], "--": ["++"], "+=": ["-="], "-=": ["+="], "!": [""],
}  # fmt: skip
WORDS = {"true": ["false"], "false": ["true"], "INT64_MAX": ["0"], "WINDOW_NO_END": ["0"], "continue": ["break"]}
STATEMENT = re.compile(r"(?:(?<=[;{}):])|(?<=else)|(?<=\*/))\n +(?=[a-z_(*][^\n]*)", re.M)
NOT_REMOVED = re.compile(
    r"(?:if|for|while|switch|do|else|case|default|return(?! *;)|goto"
    r"|const|static|struct|enum|union|unsigned|int|bool|char|void|size_t|u?int\d+_t|SCOPED)\b"
)
ROW = re.compile(r"^ +\{.*\},\n", re.M)
FUNCTION = re.compile(r"^[a-z][^\n;=]*?\b(\w+)\(", re.M)


def enumerations(headers):
    """Each enumerator and the one that takes its place: the next of its enumeration."""
    following = {}
    for text in headers:
        text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
        for body in re.findall(r"\benum\b[^{};()]*\{([^}]*)\}", text):
            names = re.findall(r"([A-Z]\w*)[^,]*", body)
            following.update(zip(names, names[1:] + names[:1]))
    return {name: other for name, other in following.items() if name != other}


def changes(text, following):
    """(start, end, replacement) of every change, in the order of the text."""
    found = []
    tokens = [t for t in TOKEN.finditer(text) if t.lastgroup != "skip"]
    for i, t in enumerate(tokens):
        before = tokens[i - 1].group() if i else ""
        after = tokens[i + 1].group() if i + 1 < len(tokens) else ""
        others = []
        if t.lastgroup == "number" and not (before == "{" and after == "}"):
            digits = re.match(r"(\d+)(\D*)$", t.group())
            others = [f"{int(digits[1]) + 1}{digits[2]}"] if digits else []
        elif t.lastgroup == "word":
            others = WORDS.get(t.group(), [following[t.group()]] if t.group() in following else [])
        elif t.group() in ("+", "-") and re.fullmatch(r"\w+|[)\]]", before) and before != "return":
            others = ["-" if t.group() == "+" else "+"]
        elif t.group() == "?":
            condition = before_question(tokens, i)
            found += [] if compares(condition) else [negated(text, condition)]
        else:
            others = SIGNS.get(t.group(), [])
        found += [(t.start(), t.end(), other) for other in others]
        if t.group() == "(" and before in ("if", "while"):
            condition = tokens[i + 1 : matching(tokens, i)]
            found += [] if compares(condition) else [negated(text, condition)]
    found += removed(text) + swapped(text)
    return sorted(found)


def matching(tokens, i):
    depth = 0
    while True:
        depth += {"(": 1, ")": -1}.get(tokens[i].group(), 0)
        if depth == 0:
            return i
        i += 1


def before_question(tokens, i):
    depth, j = 0, i - 1
    while depth > 0 or tokens[j].group() not in ("=", "(", "[", "{", ",", "return", ":", ";"):
        depth += {")": 1, "]": 1, "(": -1, "[": -1}.get(tokens[j].group(), 0)
        j -= 1
    return tokens[j + 1 : i]


def compares(condition):
    """Then it has changes of its own that turn it round."""
    return any(t.group() in ("<", "<=", ">", ">=", "==", "!=", "!") for t in condition)


def negated(text, condition):
    start, end = condition[0].start(), condition[-1].end()
    return (start, end, f"!({text[start:end]})")


def removed(text):
    found = []
    for place in STATEMENT.finditer(text):
        start = place.end()
        if NOT_REMOVED.match(text, start):
            continue
        depth, end = 0, start
        while text[end] != ";" or depth > 0:
            depth += {"(": 1, "{": 1, ")": -1, "}": -1}.get(text[end], 0)
            if depth < 0 or end + 1 == len(text):
                break
            end += 1
        else:
            found.append((start, end, ""))
    return found


def swapped(text):
    rows = list(ROW.finditer(text))
    pairs = [(a, b) for a, b in zip(rows, rows[1:]) if a.end() == b.start()]
    return [(a.start(), b.end(), b.group() + a.group()) for a, b in pairs]


def mutants(path, text, following):
    """Every change as a whole new text, with the lines that it touches before and after."""
    made, seen = [], set()
    for start, end, replacement in changes(text, following):
        source = text[:start] + replacement + text[end:]
        if source in seen:
            continue
        seen.add(source)
        first = text.rfind("\n", 0, start) + 1
        last = text.find("\n", max(start, end - 1))
        names = [m[1] for m in FUNCTION.finditer(text, 0, first + 1)]
        made.append(
            Mutant(
                path,
                text.count("\n", 0, start) + 1,
                names[-1] if names else "-",
                " ".join(text[first:last].split()),
                " ".join((text[first:start] + replacement + text[end:last]).split()),
                source,
            )
        )
    return made
