"""docs/tutorial.md, executed: every `sh` block in order in one shell, its output held against the `text` block that follows it."""
import fnmatch
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

from vpcd import ROOT, binary, live

MARK = "== end of block"


def blocks(path):
    """Pairs of commands and expected lines."""
    found = re.findall(r"^```(sh|text)\n(.*?)^```$", path.read_text(), re.M | re.S)
    out = []
    for kind, body in found:
        if kind == "sh":
            out.append((body, []))
        else:
            commands, expected = out[-1]
            expected.extend(line for line in body.splitlines() if line.strip())
    return out


@unittest.skipUnless(live(), "makes network namespaces: set VPCD_LIVE=1, as root")
class Tutorial(unittest.TestCase):
    def test_every_block(self):
        steps = blocks(ROOT / "docs" / "tutorial.md")
        self.assertGreater(len(steps), 8)
        script = "set -e\n" + "".join(f"{commands}\necho '{MARK}'\n" for commands, _ in steps)
        with tempfile.TemporaryDirectory() as place:
            tools = pathlib.Path(place, "bin")
            tools.mkdir()
            (tools / "vpcd").symlink_to(pathlib.Path(binary()).resolve())
            environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}
            done = subprocess.run(["bash", "-c", script], cwd=place, env=environment, timeout=120,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.assertEqual(done.returncode, 0, done.stdout)
        outputs = done.stdout.split(MARK + "\n")
        for (commands, expected), output in zip(steps, outputs):
            lines = [" ".join(line.split()) for line in output.splitlines()]
            for pattern in expected:
                pattern = " ".join(pattern.split()).replace("[", "[[]")
                self.assertTrue(any(fnmatch.fnmatchcase(line, pattern) for line in lines),
                                f"{pattern!r} is not in what this printed:\n{commands}\n--\n{output}")


if __name__ == "__main__":
    unittest.main()
