"""scripts/spec-coverage on a small tree. Run: python3 -m unittest discover tests/scripts"""

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "scripts/spec-coverage"
RULES = """# Routing

## Tables

| ID | rule |
|---|---|
| RT-01 | One table per subnet. |
| RT-02 | Longest prefix wins. |
| A-03-8b | Peering in both families. |
| NAT-A1 | Out and back. |
| EPP-EX-4a | Denied. |
"""


class SpecCoverage(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        self.write("docs/rules/03-routing.md", RULES)

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def run_it(self, *args):
        command = [sys.executable, SCRIPT, "--root", self.root, *args]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def covered(self):
        got = self.run_it("--json")
        self.assertEqual(got.returncode, 0, got.stdout + got.stderr)
        return {row["prefix"]: (row["covered"], row["total"]) for row in json.loads(got.stdout)["prefixes"]}

    def refused(self, *told):
        got = self.run_it()
        self.assertEqual((got.returncode, got.stdout), (1, ""), got.stderr)
        for text in told:
            self.assertIn(text, got.stderr)
        self.assertEqual(len(got.stderr.splitlines()), len(told), got.stderr)
        as_json = self.run_it("--json")
        self.assertEqual(as_json.returncode, 1)
        self.assertEqual(json.loads(as_json.stdout)["errors"], got.stderr.splitlines())

    def test_rust(self):
        self.write(
            "dataplane/src/a.rs",
            "// covers: RT-01 A-03-8b\n#[test]\nfn a() {}\n\n"
            "    // covers: NAT-A1\n    // why\n    #[cfg(\n        unix\n    )]\n    #[tokio::test]\n    pub async fn b() {}\n"
            "// covers: EPP-EX-4a\n#[should_panic(expected = \"]\")] #[test] // so\nfn c<'a>(_: &'a str) {}\n",
        )
        expected = {"RT": (1, 2), "A-03": (1, 1), "NAT": (1, 1), "EPP": (1, 1)}
        self.assertEqual(self.covered(), expected)

    def test_quoted_tags_are_none(self):
        self.write(
            "tests/src/a.rs",
            'const A: &str = r#"\n// covers: RT-01\n#[test]\nfn a() {} "\n"#;\n'
            "/* /* */\n// covers: RT-01\n*/\n#[test]\nfn quote() { '\"'; '\\''; }\n"
            "// covers: RT-02\n#[test]\nfn b() {}\n",
        )
        self.write("tests/test_a.py", 'TEXT = """\n# covers: RT-01\ndef test_a(): pass\n"""\n')
        self.assertEqual(self.covered()["RT"], (1, 2))

    def test_python_and_shell(self):
        self.write(
            "tests/clients/test_a.py",
            "import unittest\n\n\nclass A(unittest.TestCase):\n"
            "    # covers: RT-01\n    # why\n    @deco(\n        1\n    )\n    def test_a(self):\n        pass\n",
        )
        self.write("bench/check", "#!/bin/sh\n# covers: NAT-A1\ntest_out_and_back() {\n:\n}\n")
        covered = self.covered()
        self.assertEqual((covered["RT"], covered["NAT"]), ((1, 2), (1, 1)))

    def test_tests_switched_off_do_not_count(self):
        self.write("control/a.rs", "// covers: RT-01\n#[test]\n#[ignore = \"slow\"]\nfn a() {}\n")
        self.write("tests/test_a.py", "# covers: RT-02\n@unittest.skip('x')\ndef test_a(): pass\n")
        self.assertEqual(self.covered()["RT"], (0, 2))
        self.assertIn("not counted, in tests switched off only: RT-01 RT-02", self.run_it().stdout)
        self.assertEqual(self.run_it("--where", "RT-01").stdout, "control/a.rs:1  a  (switched off)\n")

    def test_examples(self):
        tagged = "// covers: RT-01\npub fn a() -> Example {}\n"
        self.write("tests/src/examples/a.rs", tagged)
        self.refused("tests/src/examples/a.rs:1: not above a test")
        self.write("tests/tests/examples.rs", "// a()\n#[test]\nfn all() { both(examples::a()); }\n")
        self.assertEqual(self.covered()["RT"], (1, 2))
        self.write("tests/src/examples/more.txt", "covers: RT-02\nin 100 allow\n# covers: NAT-A1\n")
        self.refused(*(f"more.txt:{n}: no Rust file under tests names this file" for n in (1, 3)))
        self.write("tests/src/examples/b.rs", 'const MORE: &str = include_str!("more.txt");\n')
        self.assertEqual((self.covered()["RT"], self.covered()["NAT"]), ((2, 2), (1, 1)))

    def test_unknown_id(self):
        self.write("tests/a.rs", "\n// covers: RT-01 RT-99\n#[test]\nfn a() {}\n")
        self.refused("tests/a.rs:2: RT-99 is not in docs/rules")

    def test_not_above_a_test(self):
        bodies = [
            "fn a() {}",
            "#[cfg(test)]\nmod tests {}",
            "\n#[test]\nfn a() {}",
            "#[test]\n\nfn a() {}",
            "#[test]\nstruct A;",
            "",
        ]
        for body in bodies:
            self.write("dataplane/a.rs", f"// covers: RT-01\n{body}")
            self.refused("dataplane/a.rs:1: not above a test")
        self.write("dataplane/a.rs", "#[test]\n// covers: RT-01\nfn a() {}\n")
        self.refused("dataplane/a.rs:2: not above a test")
        self.write("dataplane/a.rs", "let a = 1; // covers: RT-01\n#[test]\nfn a() {}\n")
        self.refused("dataplane/a.rs:1: not above a test")
        self.write("dataplane/a.rs", "")
        self.write("tests/test_a.py", "# covers: RT-01\ndef helper(): pass\n")
        self.refused("tests/test_a.py:1: not above a test")

    def test_other_forms(self):
        for form in ["//covers: RT-01", "/// covers: RT-01", "// Covers: RT-01", "// covers:RT-01", "// covers: "]:
            self.write("tests/a.rs", f"{form}\n#[test]\nfn a() {{}}\n")
            self.refused("tests/a.rs:1: not of the form")
        self.write("tests/a.rs", "// covers: RT-01, RT-02\n#[test]\nfn a() {}\n")
        self.refused("tests/a.rs:1: RT-01, is not in docs/rules")

    def test_build_outputs_and_other_trees_are_not_read(self):
        for place in ["target/debug", "tests/target", "tests/.cache", "docs"]:
            self.write(f"{place}/a.rs", "// covers: RT-99\n#[test]\nfn a() {}\n")
        self.assertEqual(self.covered()["RT"], (0, 2))

    def test_rules_listed_twice_or_badly(self):
        self.write("docs/rules/04.md", "| ID | rule |\n|---|---|\n| RT-01 | Again. |\n| rt-2 | x |\n| SG-01 | |\n")
        self.refused(
            "docs/rules/04.md:3: RT-01 is listed already at docs/rules/03-routing.md:7",
            "docs/rules/04.md:4: not a row",
            "docs/rules/04.md:5: not a row",
        )

    def test_table_missing_where(self):
        self.write("tests/a.rs", "// covers: RT-01\n#[test]\nfn a() {}\n")
        lines = [line.split() for line in self.run_it().stdout.splitlines()]
        self.assertIn(["03-routing", "RT", "1", "2", "50.0"], lines)
        self.assertEqual(lines[-1], ["all", "all", "1", "5", "20.0"])
        missing = "docs/rules/03-routing.md:8  RT-02  Longest prefix wins.\n"
        self.assertEqual(self.run_it("--missing", "RT").stdout, missing)
        self.assertEqual(len(self.run_it("--missing", "03-routing").stdout.splitlines()), 4)
        self.assertEqual(json.loads(self.run_it("--missing", "A-03", "--json").stdout)[0]["id"], "A-03-8b")
        self.assertEqual(self.run_it("--where", "RT-01").stdout, "tests/a.rs:1  a\n")
        self.assertEqual(self.run_it("--where", "RT-02").stdout, "no test\n")
        self.assertEqual(json.loads(self.run_it("--where", "RT-01", "--json").stdout)["tests"][0]["at"], "tests/a.rs:1")
        self.assertEqual(self.run_it("--missing", "XX").returncode, 2)
        self.assertEqual(self.run_it("--where", "RT-99").returncode, 2)
        self.assertIn("scripts/spec-coverage --missing NAT", self.run_it("--help").stdout)


if __name__ == "__main__":
    unittest.main()
