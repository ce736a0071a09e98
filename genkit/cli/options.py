"""The options that ``generate`` and ``refine`` share, and the request that they make together."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import click

from genkit.errors import InvalidRequestError
from genkit.files import load_image
from genkit.images import Fit, Mask, parse_size
from genkit.request import Adapt, GenerationRequest, RequestFields

__all__ = ["CallCommand", "CallOptions", "read_prompt"]

MAX_PROMPT_BYTES = 8 * 1024 * 1024
"""Bytes that are read of a prompt on standard input; far more than any service takes."""


def _pairs(
    _ctx: click.Context, option: click.Parameter, texts: Sequence[str]
) -> tuple[tuple[str, Any], ...]:
    """``NAME=VALUE`` each; the values of ``--option`` are read as JSON where they are some."""
    pairs = []
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise click.BadParameter(f"{text!r} is not of the form NAME=VALUE.", param=option)
        pairs.append((name.strip(), _typed(value) if option.name == "provider_options" else value))
    return tuple(pairs)


def _typed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _templates(_ctx: click.Context, _option: click.Parameter, incomplete: str) -> list[str]:
    """The built-in templates that begin so, for the shell."""
    from genkit.prompts import BUILT_IN

    return [name for name in BUILT_IN if name.startswith(incomplete)]


@attrs.frozen(kw_only=True)
class CallOptions:
    """Everything that the options of ``generate`` and ``refine`` can say."""

    model: str | None
    size: str | None
    aspect: str | None
    n: int
    seed: int | None
    references: tuple[str, ...]
    mask: str | None
    out: str | None
    fit: Fit | None
    quality: str | None
    background: str | None
    output_format: str | None
    strict: bool | None
    template: str | None
    variables: tuple[tuple[str, str], ...]
    provider_options: tuple[tuple[str, Any], ...]
    adapt: Adapt | None
    timeout: float | None
    deadline: float | None
    attempts: int | None
    emulator: bool
    config: str | None
    dry_run: bool
    json: bool
    force: bool
    conversation: bool
    quiet: bool
    verbose: int

    def request(
        self, prompt: str, provider: str, more: RequestFields | None = None
    ) -> GenerationRequest:
        """The request that these options make of `prompt`.

        `provider` is the one that ``--option`` speaks to; `more` are fields that stand where no
        option says otherwise.

        Raises:
            InvalidRequestError: a value cannot be right; `field` says which.
        """
        fields: RequestFields = {
            "seed": self.seed,
            "n": self.n,
            "quality": self.quality,
            "background": self.background,
            "output_format": self.output_format,
            "aspect_ratio": self.aspect,
            "strict": self.strict,
            "template": self.template,
            "variables": _mapping(self.variables, "--var"),
            "adapt": self.adapt,
            "deadline": self.deadline,
            "timeout": self.timeout,
            "references": self.references,
            **(more or {}),
        }
        if self.size is not None:
            fields["width"], fields["height"] = parse_size(self.size)
        if self.fit is not None:
            fields["fit"] = self.fit
        if self.mask is not None:
            fields["mask"] = Mask(image=load_image(self.mask, field="mask"))
        if self.provider_options:
            options = _mapping(self.provider_options, "--option")
            fields["provider_options"] = {provider: options}
        return GenerationRequest(prompt, **fields)


def _mapping(pairs: Sequence[tuple[str, Any]], option: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in pairs:
        if name in values:
            field = "variables" if option == "--var" else "provider_options"
            raise InvalidRequestError(f"{field}: {option} gives {name!r} twice", field=field)
        values[name] = value
    return values


def read_prompt(argument: str) -> str:
    """The prompt: the argument itself, or standard input for ``-``.

    Raises:
        InvalidRequestError: standard input is no text or too much of it.
    """
    if argument != "-":
        return argument
    data = sys.stdin.buffer.read(MAX_PROMPT_BYTES + 1)
    if len(data) > MAX_PROMPT_BYTES:
        raise InvalidRequestError(
            f"prompt: standard input has over {MAX_PROMPT_BYTES} bytes", field="prompt"
        )
    try:
        return data.decode().strip()
    except UnicodeDecodeError:
        raise InvalidRequestError("prompt: standard input is not UTF-8", field="prompt") from None


_SECTIONS: Mapping[str, tuple[click.Option, ...]] = {
    "Picture": (
        click.Option(
            ["-s", "--size"],
            metavar="WxH",
            help="Pixels, such as 1280x720. Models that know ratios only get the nearest one;"
            " --fit brings the picture to exactly this size.",
        ),
        click.Option(["--aspect"], metavar="W:H", help="Aspect ratio, such as 16:9."),
        click.Option(
            ["--fit"],
            type=click.Choice(["none", "crop", "pad", "resize"]),
            help="How to reach exactly --size: cut what stands over, add borders, or stretch.",
        ),
        click.Option(["-n"], type=int, default=1, show_default=True, help="How many pictures."),
        click.Option(["--seed"], type=int, help="Drawn and shown when not given."),
        click.Option(
            ["-i", "--image", "references"],
            multiple=True,
            metavar="FILE",
            help="A picture to edit or to follow; may be repeated.",
        ),
        click.Option(["--mask"], metavar="FILE", help="Which part of the first image may change."),
        click.Option(["--quality"], metavar="NAME", help="As the model calls it."),
        click.Option(["--background"], metavar="NAME", help="As the model calls it."),
        click.Option(
            ["--format", "output_format"],
            metavar="FORMAT",
            help="png, jpeg or webp; converted here where the service cannot.",
        ),
    ),
    "Prompt": (
        click.Option(
            ["--strict/--no-strict"],
            default=None,
            help="Wrap the prompt in rules, so that it is drawn literally (the default), or send"
            " it as it is.",
        ),
        click.Option(
            ["--template"],
            metavar="NAME",
            shell_complete=_templates,
            help="Another template for the prompt.",
        ),
        click.Option(
            ["--var", "variables"],
            metavar="NAME=VALUE",
            multiple=True,
            callback=_pairs,
            help="A variable of the template or the prompt; may be repeated.",
        ),
    ),
    "Call": (
        click.Option(
            ["-m", "--model"],
            metavar="MODEL",
            help="PROVIDER:MODEL, PROVIDER, or a model that one provider knows.",
        ),
        click.Option(
            ["--option", "provider_options"],
            metavar="NAME=VALUE",
            multiple=True,
            callback=_pairs,
            help="An option that only this provider has; VALUE may be JSON. May be repeated.",
        ),
        click.Option(
            ["--adapt"],
            type=click.Choice(["adjust", "refuse"]),
            help="What the model cannot do is adjusted and said (the default), or refused.",
        ),
        click.Option(["--timeout"], type=float, metavar="SECONDS", help="For one attempt."),
        click.Option(["--deadline"], type=float, metavar="SECONDS", help="For the whole call."),
        click.Option(["--attempts"], type=int, metavar="N", help="At most, the first included."),
        click.Option(
            ["--emulator"],
            is_flag=True,
            help="Ask a local emulator: made-up pictures, no key, no cost.",
        ),
        click.Option(
            ["--dry-run"], is_flag=True, help="Show what would be sent and its cost; send nothing."
        ),
        click.Option(["--config"], metavar="FILE", help="The configuration file to use."),
    ),
    "Result": (
        click.Option(
            ["-o", "--out"],
            metavar="PATH",
            help="File or folder. The suffix decides the format; several pictures get -1, -2, ...",
        ),
        click.Option(["--force"], is_flag=True, help="Replace files that are there."),
        click.Option(
            ["--conversation/--no-conversation"],
            default=True,
            help="Save the conversation beside the picture, for `genkit refine` (the default).",
        ),
        click.Option(["--json"], is_flag=True, help="One JSON document on standard output."),
        click.Option(["-q", "--quiet"], is_flag=True, help="Only paths and errors."),
        click.Option(["-v", "--verbose"], count=True, help="Log what happens; -vv for more."),
    ),
}


class CallCommand(click.Command):
    """A command with these options, its help in sections."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.params += [option for options in _SECTIONS.values() for option in options]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options by section."""
        sections: dict[str, Sequence[click.Option]] = {**_SECTIONS}
        if own := self.get_help_option(ctx):
            sections["Help"] = [own]
        for title, options in sections.items():
            records = [option.get_help_record(ctx) for option in options]
            with formatter.section(title):
                formatter.write_dl([record for record in records if record])
