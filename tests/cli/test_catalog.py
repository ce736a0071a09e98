from __future__ import annotations

from pathlib import Path

import pytest

from genkit.cli.catalog import _sizes
from genkit.provider import Capabilities, FixedSizes, FreeSizes, RatioTiers, SizeRule
from tests.cli.conftest import Genkit
from tests.core.plugin_site import Site


def test_providers(genkit: Genkit, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each provider is listed with its default model, where its key comes from and its origin."""
    monkeypatch.setenv("GEMINI_API_KEY", "canary-4f1d-AbC9")
    lines = genkit("providers").out.splitlines()
    assert lines[1].split(maxsplit=3) == [
        "gemini",
        "gemini-nano-banana-2.1",
        "env:GEMINI_API_KEY",
        "genkit-provider-gemini 0.1.0",
    ]
    document = genkit("providers", "--json").document
    rows = {row["name"]: row for row in document["providers"]}
    assert set(rows) == {"gemini", "openai"}
    assert set(rows["gemini"]) == {
        *("name", "provider", "default_model", "base_url", "key", "from", "problem")
    }
    assert "canary" not in str(document)


def test_accounts_are_providers_too(folder: Path, genkit: Genkit) -> None:
    """A configured account is listed beside the provider that serves it."""
    (folder / "genkit.toml").write_text(
        "[providers.gemini]\nmodel = 'gemini-3-pro-image'\n[providers.work]\nplugin = 'gone'\n"
    )
    document = genkit("providers", "--json").document
    rows = {row["name"]: row for row in document["providers"]}
    assert rows["gemini"]["default_model"] == "gemini-3-pro-image"
    assert "gone" in rows["work"]["problem"]
    assert "broken: see genkit doctor" in genkit("providers").out


def test_models(genkit: Genkit) -> None:
    """The models of a provider are listed with sizes and price, the default one first."""
    said = genkit("models", "gemini")
    assert said.code == 0
    assert said.out.splitlines()[1].startswith("gemini:gemini-nano-banana-2.1 ")
    assert "$0.0336 a picture" in said.out
    document = genkit("models", "--json").document
    first = document["models"][0]
    assert first["model"] == "gemini-nano-banana-2.1"
    assert first["price_per_image"] == pytest.approx(0.0336)
    assert first["multi_turn"] is True


def test_models_of_nobody(genkit: Genkit) -> None:
    """An unknown provider ends with 2 and names those there are."""
    said = genkit("models", "gemimi")
    assert said.code == 2
    assert "did you mean 'gemini'" in said.err


def test_a_broken_provider_does_not_hide_the_others(site: Site, genkit: Genkit) -> None:
    """Models of the whole providers are listed, the broken one is warned of."""
    site.provider("odd", ("self.settings = settings", "raise OSError('by design')"))
    said = genkit("models")
    assert said.code == 0
    assert "gemini:gemini-nano-banana-2.1" in said.out
    assert "Warning: provider 'odd'" in said.err
    assert genkit("models", "odd").code == 2


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (None, "its own"),
        (RatioTiers(("1:1", "16:9"), {"1K": 1024, "2K": 2048}), "2 ratios at 1K 2K"),
        (RatioTiers(("1:1",), {}), "1 ratio"),
        (FixedSizes(((512, 512), (1024, 512))), "512x512 1024x512"),
        (FreeSizes(max_edge=4096), "any up to 4096 pixels an edge"),
    ],
)
def test_sizes_in_words(rule: SizeRule | None, text: str) -> None:
    """Every kind of size rule has its words."""
    assert _sizes(Capabilities(model="m", sizes=rule)) == text
