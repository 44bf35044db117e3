"""Known vulnerabilities of the packages in the lock file: `python -m infra.dev.audit`.

pip-audit does the work, and gets our arguments, such as `--ignore-vuln ID` for a finding that does
not concern us. A finding fails. A missing network, or an index without such data, is only
reported: a build must not depend on another's server being up.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

LOCK = "infra/requirements-dev.lock"
# Every pin has a hash, so nothing has to be resolved or downloaded.
COMMAND = (
    *(sys.executable, "-m", "pip_audit", "--requirement", LOCK, "--require-hashes"),
    *("--disable-pip", "--progress-spinner", "off", "--format", "json", "--desc", "off"),
)


def findings(report: Any) -> list[str]:
    """One line per vulnerability in pip-audit's JSON report."""
    return [
        f"{package['name']} {package['version']}: {vulnerability['id']}, fixed in "
        f"{', '.join(vulnerability['fix_versions']) or 'no version yet'}"
        for package in report["dependencies"]
        for vulnerability in package.get("vulns", ())
    ]


def audit(command: Sequence[str]) -> int:
    """Runs pip-audit and prints what it found; returns the exit code."""
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        report = json.loads(ran.stdout)
    except ValueError:  # it writes nothing when the index did not answer
        reason = (ran.stderr.strip() or "no answer").splitlines()[-1]
        print(f"Not audited: {reason[:200]}")
        return 0
    found = findings(report)
    unknown = sum("skip_reason" in package for package in report["dependencies"])
    print(f"{len(report['dependencies']) - unknown} packages audited, {unknown} could not be")
    print("\n".join([*found, f"{len(found)} known vulnerabilities"]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(audit([*COMMAND, *sys.argv[1:]]))
