"""How the documentation is built: `make docs`."""

from __future__ import annotations

from importlib.metadata import version as version_of

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
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
napoleon_numpy_docstring = False

html_theme = "furo"
html_title = f"genkit {version}"
html_show_sphinx = False
