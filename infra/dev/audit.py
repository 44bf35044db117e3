"""Known vulnerabilities of what the lock file names, by pip-audit: `python -m infra.dev.audit`.

Arguments go on to pip-audit, such as `--ignore-vuln ID` for a finding that does not concern us.
A finding fails. No network, or an index without such data, is told and fails nothing: a build
must not depend on somebody else's server being up.
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
    """One line a vulnerability of pip-audit's JSON report."""
    return [
        f"{package['name']} {package['version']}: {vulnerability['id']}, fixed in "
        f"{', '.join(vulnerability['fix_versions']) or 'no version yet'}"
        for package in report["dependencies"]
        for vulnerability in package.get("vulns", ())
    ]


def audit(command: Sequence[str]) -> int:
    """Runs pip-audit and says what it found on standard output; the exit code."""
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        report = json.loads(ran.stdout)
    except ValueError:  # it writes nothing where it could not ask
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
