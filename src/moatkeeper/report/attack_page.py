"""placeholder"""

from moatkeeper.redteam.findings import Findings


def as_page(findings: Findings) -> str:
    return ""
