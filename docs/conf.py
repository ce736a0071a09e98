"""How the documentation is built: `make docs`."""

from __future__ import annotations

from importlib.metadata import version as version_of
from typing import Any

from sphinx.ext.napoleon import GoogleDocstring

project = "genkit"
author = "The genkit maintainers"
copyright = "The genkit maintainers"  # noqa: A001  # the name that Sphinx gives it
version = release = version_of("genkit-core")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown"}
root_doc = "index"

myst_enable_extensions = ["deflist"]
myst_heading_anchors = 4

# Docstrings speak of parameters and of values between single backticks.
default_role = "literal"
autoclass_content = "class"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
napoleon_google_docstring = napoleon_numpy_docstring = False  # see `read_docstring`

html_theme = "furo"
html_title = f"genkit {version}"
html_show_sphinx = False


def read_docstring(
    app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]
) -> None:
    """Read a docstring in Google's form, but not a field's: before a colon there is no type."""
    if what not in ("attribute", "data", "property"):
        lines[:] = GoogleDocstring(lines, app.config, app, what, name, thing, options).lines()


def show_defaults(*facts: Any) -> tuple[str, Any] | None:
    """Show a default that is made anew each time as ``...``, and not as attrs keeps it."""
    signature, result = facts[-2:]
    return (signature.replace("= NOTHING", "= ..."), result) if signature else None


def setup(app: Any) -> None:
    app.connect("autodoc-process-docstring", read_docstring)
    app.connect("autodoc-process-signature", show_defaults)
