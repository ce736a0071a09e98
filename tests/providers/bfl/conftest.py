from __future__ import annotations

from tests.providers.bfl.installed import put_on_path

put_on_path()
