"""What needs Pillow: exact sizes, conversions, and saving in the format that a suffix names.

Pixels are decoded only here, only when asked for, and only after the header was judged.
"""

from __future__ import annotations
