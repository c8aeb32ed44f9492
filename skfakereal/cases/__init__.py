"""Case pages: what a detector, and the file itself, say of one image, as one file to mail.

Needs neither the extra ``web`` nor TensorFlow.
"""

from typing import TYPE_CHECKING

from skfakereal._lazy import lazily

if TYPE_CHECKING:
    from skfakereal.cases._page import POLICY as POLICY
    from skfakereal.cases._report import CaseReport as CaseReport
    from skfakereal.cases._report import Entry as Entry
    from skfakereal.cases._report import case_report as case_report
    from skfakereal.cases._report import index_page as index_page
    from skfakereal.cases._report import make_case as make_case


__getattr__, __dir__, __all__ = lazily(
    __name__,
    inner={"_page": "POLICY", "_report": "Entry index_page make_case"},
    _report="CaseReport case_report",
)
