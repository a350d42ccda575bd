"""
Statements of reasons, as the Transparency Database of the Digital Services Act takes them.

    schema       the fields, what each may hold, and a check of all of them
    categories   which of the schema's categories a rule of the guidelines is filed under
    statements   a rejection becomes a statement; never with a reader's words

Nothing here sends anything: a newsroom that has to hand statements in does it itself, from a file.
"""

from __future__ import annotations

from meydan.transparency.categories import Categories, load_categories
from meydan.transparency.schema import faults_of
from meydan.transparency.statements import Statements

__all__ = ["Categories", "Statements", "faults_of", "load_categories"]
