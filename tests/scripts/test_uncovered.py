"""docs/uncovered-rules.md names exactly the rules of chapters 03, 04 and 07 that no test covers."""

import json
import re
import subprocess
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CHAPTERS = ("03-routing", "04-security-groups-nacls", "07-gateways-nat")


class Uncovered(unittest.TestCase):
    def test_the_page_names_what_is_missing(self):
        told = []
        for line in (ROOT / "docs/uncovered-rules.md").read_text().splitlines():
            row = re.fullmatch(r"\| ([A-Z].*?) \| (.*\S) \|", line)
            told += row[1].split(", ") if row else []
        self.assertEqual(len(told), len(set(told)), "a rule is named twice")
        missing = []
        for chapter in CHAPTERS:
            command = [sys.executable, ROOT / "scripts/spec-coverage", "--missing", chapter, "--json"]
            missing += [rule["id"] for rule in json.loads(subprocess.run(command, capture_output=True, check=True).stdout)]
        self.assertEqual(sorted(told), sorted(missing))


if __name__ == "__main__":
    unittest.main()
