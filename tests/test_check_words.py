"""The check of words finds what it is for, and nothing in good code."""

import importlib.util
from pathlib import Path

ROOT = Path(__file__).parents[1]
spec = importlib.util.spec_from_file_location("check_words", ROOT / ".ci" / "check_words.py")
assert spec and spec.loader
check_words = importlib.util.module_from_spec(spec)
spec.loader.exec_module(check_words)

TABLE = (
    "text\n\n| not | but |\n|---|---|\n| `surprise` | TD error |\n| `crew`, `Ranks` | process group |\n\nmore | text\n"
)


def test_table_of_words():
    words = check_words.read_word_table(TABLE)
    assert words == {"surprise": "TD error", "crew": "process group", "Ranks": "process group"}
    project = check_words.read_word_table((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    assert len(project) > 15


def test_words_are_found_in_names_and_plurals_but_not_inside_other_words():
    words = {"decision": "control step"}
    for text in ("a decision", "decisions_per_second", "per_decision: int"):
        assert list(check_words.find_words(text, words)), text
    assert not list(check_words.find_words("indecision in a Markov decision process", words))


def test_sizes_names_and_help():
    long = "def compute(x):\n" + "    x += 1\n" * 60
    help_text = " ".join(["word"] * 26)
    module = f"""{long}
def judged(x): ...
def seed_all(): ...
def clipped_surrogate(): ...
def seen_from(): ...
def _written(): ...
class A:
    @property
    def drafted(self): ...
class TrainConfig:
    minutes: float = 3.0
    \"\"\"{help_text}\"\"\"
    seed: int = 0
    \"\"\"Random seed.\"\"\"
"""
    found = list(check_words.find_in_module(module))
    assert sorted(found) == [
        "help: TrainConfig.minutes has more than 25 words",
        "size: compute has more than 60 lines",
        "verbs: judged is a participle; name what it does",
        "verbs: seen_from is a participle; name what it does",
    ]


def test_documents():
    assert list(check_words.find_documents("see DESIGN.md", ROOT))
    assert list(check_words.find_documents("see docs/nowhere.md", ROOT))
    assert not list(check_words.find_documents("see docs/table.md and README.md", ROOT))


def test_long_text_of_an_argument():
    long = " ".join(["word"] * 13)
    command = f'''def clip(a, b):
    """Runs.

    Args:
      a: {long}
        {long}
      b: short.

    Raises:
      InputError: {long} {long}
    """
'''
    assert list(check_words.find_in_module(command)) == []
    found = list(check_words.find_in_module(command, frozenset({"clip"})))
    assert found == ["help: clip's a has more than 25 words"]
