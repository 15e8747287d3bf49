"""docs/nat.md names a test for each requirement: each of them exists. Run: python3 -m unittest discover tests/scripts"""

import re
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Where a row's tests are unless it names a file, and where the files are that rows name.
USUAL = "dataplane/tests/nat_rfc.rs"
PLACES = ("dataplane/tests", "tests", "tests/tests")
TESTS = {
    ".rs": re.compile(r"^#\[test\]\n(?:#.*\n|//.*\n)*fn (\w+)\(", re.M),
    ".py": re.compile(r"^    def (test_\w+)\(self", re.M),
}


def requirements(text):
    """Of each row of a table whose last column is its test: the first column and the last."""
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    return [(row[0], row[-1]) for row in rows if row[-1] != "test" and row[0].strip("-: ")]


def missing(text):
    """What rows name and is nowhere, and the rows that name nothing."""
    wrong, known = [], False
    for requirement, cell in requirements(text):
        names = re.findall(r"`([^`]+)`", cell)
        if cell.startswith("none: ") or (cell == "the same" and known):
            continue
        known = bool(names)
        if not names:
            wrong.append(f"{requirement}: no test")
        path = ROOT / USUAL
        for name in names:
            if name.endswith((".rs", ".py")):
                path = next((ROOT / place / name for place in PLACES if (ROOT / place / name).is_file()), None)
                if path is None:
                    wrong.append(f"{requirement}: no file {name}")
            elif path is not None and name not in TESTS[path.suffix].findall(path.read_text()):
                wrong.append(f"{requirement}: no test {name} in {path.name}")
    return wrong


class Nat(unittest.TestCase):
    def test_every_test_of_the_table_exists(self):
        text = (ROOT / "docs/nat.md").read_text()
        self.assertEqual(missing(text), [])
        # All requirements that the three RFCs number.
        found = [int(n) for name, _ in requirements(text) for n in re.findall(r"REQ-(\d+)", name)]
        self.assertGreaterEqual(len(found), 14 + 10 + 10)

    def test_what_is_nowhere_is_told(self):
        table = (
            "| requirement | test |\n|---|---|\n| REQ-1 | `no_such_test` |\n| REQ-2 | |\n| REQ-3 | `gone.rs`: `any` |\n"
            "| REQ-4 | `no_hairpin_between_clients_of_a_gateway` |\n| REQ-5 | the same |\n| REQ-6 | `open` |\n"
        )
        expected = ["REQ-1: no test no_such_test in nat_rfc.rs", "REQ-2: no test", "REQ-3: no file gone.rs"]
        self.assertEqual(missing(table), [*expected, "REQ-6: no test open in nat_rfc.rs"])


if __name__ == "__main__":
    unittest.main()
