"""Keeps the conventions of CONTRIBUTING.md that a program can check: `python .ci/check_words.py`.

words       none of the left column of CONTRIBUTING.md's table of words in code, tests and docs
help        the text of an option has at most 25 words
verbs       no public function is named by a participle (`judged`, `written`)
documents   a document that is cited lies in the repository
size        functions have at most 60 lines, files 400, README.md 900 words
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CODE = ("sfv", "imitate", "reconstruct", "pose", "assets", "examples")
MAX_HELP_WORDS, MAX_FUNCTION_LINES, MAX_FILE_LINES, MAX_README_WORDS = 25, 60, 400, 900

NOT_PARTICIPLES = {"seed", "speed", "feed", "need", "embed", "bed", "red"}
PARTICIPLES = {
    "told",
    "said",
    "written",
    "drawn",
    "known",
    "held",
    "kept",
    "given",
    "taken",
    "seen",
    "left",
    "spun",
    "worn",
    "beside",
    "similar",
}
"""Irregular ones, and two adverbs that were used like them; regular ones end in -ed."""

TERMS = re.compile(r'[Dd]ecision process(es)?|"clip_range":|files_told|bad_inputs_told|tracker_decision_us')
"""A term of the field, a keyword of Stable-Baselines3 and names of rows that contain words of the table."""

PREPOSITIONS = {"as", "at", "by", "for", "from", "in", "of", "on", "to", "with"}

ABSENT_DOCUMENTS = re.compile(
    r"\b(DESIGN|KNOWN|REVIEW|EXEMPLARS|CASES)(\.md|['’]s)\b|\bthe issue (on|about|of)\b|\.\./shared/\S+\.md"
)
CITED = re.compile(r"(?<![\w./])(?:docs/)?[\w/]+\.md\b")


def main() -> int:
    """Prints what breaks a rule; returns 1 if anything does."""
    found = sorted(set(find_all(ROOT)))
    for line in found:
        print(line)
    print(f"words: {len(found)} to mend", file=sys.stderr)
    return int(bool(found))


def find_all(root: Path) -> Iterator[str]:
    """One line for each thing that breaks a rule: `file: rule: what`, without line numbers, so that edits keep it."""
    words = read_word_table((root / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    cli = (root / "sfv" / "cli.py").read_text(encoding="utf-8")
    commands = frozenset(re.findall(r'"sfv\.[\w.]+:(\w+)"', cli))
    modules = [path for folder in CODE for path in sorted((root / folder).rglob("*.py"))]
    pages = [root / "README.md", *sorted((root / "docs").glob("*.md"))]
    tests = [path for path in sorted((root / "tests").rglob("*.py")) if path.name != "test_check_words.py"]
    for path in [*modules, *tests, *pages]:
        text, name = path.read_text(encoding="utf-8"), path.relative_to(root).as_posix()
        findings = [*find_words(text, words)]
        if not name.startswith("tests/"):
            findings += find_documents(text, root)
        if path in modules:
            findings += find_in_module(text, commands)
        if path.name == "README.md" and len(text.split()) > MAX_README_WORDS:
            findings.append(f"size: {len(text.split())} words, at most {MAX_README_WORDS}")
        yield from (f"{name}: {finding}" for finding in findings)


def read_word_table(page: str) -> dict[str, str]:
    """Words to avoid, and what to write, from the table whose head is `| not | but |`."""
    words = {}
    for line in page.partition("| not | but |")[2].splitlines()[2:]:
        if not line.startswith("|"):
            break
        avoided, better = (cell.strip() for cell in line.strip("|").split("|"))
        words |= {word.strip(" `"): better for word in avoided.split(",")}
    return words


def find_words(text: str, words: dict[str, str]) -> Iterator[str]:
    """Words of the table, also as parts of a name: `decision` is found in `decisions` and `per_decision`."""
    text = TERMS.sub("", text)
    for word, better in words.items():
        if re.search(rf"(?<![A-Za-z]){re.escape(word)}(?![a-rt-z])", text):
            yield f"words: '{word}', say {better}"


def find_documents(text: str, root: Path) -> Iterator[str]:
    """Documents that are cited and are not in the repository."""
    for match in ABSENT_DOCUMENTS.finditer(text):
        yield f"documents: '{match.group()}' is not in the repository"
    for name in CITED.findall(ABSENT_DOCUMENTS.sub("", text)):
        if not (root / name).exists() and not (root / "docs" / name).exists():
            yield f"documents: {name} is not in the repository"


def find_in_module(text: str, commands: frozenset[str] = frozenset()) -> Iterator[str]:
    """Sizes, names of functions and help texts of one module; `commands` are functions that become commands."""
    if text.count("\n") > MAX_FILE_LINES:
        yield f"size: {MAX_FILE_LINES} lines at most"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > MAX_FUNCTION_LINES:
                yield f"size: {node.name} has more than {MAX_FUNCTION_LINES} lines"
            if node.name in commands:
                yield from find_long_arguments(node)
            if is_participle(node):
                yield f"verbs: {node.name} is a participle; name what it does"
        elif isinstance(node, ast.ClassDef) and (node.name.endswith("Config") or node.name == "Scene"):
            yield from find_long_help(node)


def is_participle(function: ast.FunctionDef) -> bool:
    """Whether a public function is called `judged` or `seen_from`; `clipped_surrogate` is a noun, a property may be."""
    first, *more = function.name.split("_")
    decorators = {ast.unparse(decorator).split(".")[-1] for decorator in function.decorator_list}
    if first == "" or (more and more[0] not in PREPOSITIONS) or decorators & {"property", "cached_property", "setter"}:
        return False
    return first in PARTICIPLES or (first.endswith("ed") and first not in NOT_PARTICIPLES)


def find_long_help(config: ast.ClassDef) -> Iterator[str]:
    """Options of a config whose text, the string below the field, is too long for a help page."""
    for field, text in zip(config.body, config.body[1:], strict=False):
        if not (
            isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant)
        ):
            continue
        if len(str(text.value.value).split()) > MAX_HELP_WORDS:
            yield f"help: {config.name}.{ast.unparse(field.target)} has more than {MAX_HELP_WORDS} words"


def find_long_arguments(command: ast.FunctionDef) -> Iterator[str]:
    """Options of a command whose text, in the docstring's list of arguments, is too long for a help page."""
    _, _, listed = (ast.get_docstring(command) or "").partition("\nArgs:\n")
    for name, text in re.findall(r"^  (\w+): (.*(?:\n    .*)*)", listed.split("\n\n")[0], re.MULTILINE):
        if len(text.split()) > MAX_HELP_WORDS:
            yield f"help: {command.name}'s {name} has more than {MAX_HELP_WORDS} words"


if __name__ == "__main__":
    sys.exit(main())
