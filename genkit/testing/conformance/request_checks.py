"""Checks of requests: golden vectors, the same bytes each time, addresses, every option."""

from __future__ import annotations

from typing import Any

import attrs

from genkit.errors import InvalidRequestError
from genkit.planning import Plan
from genkit.provider import Context
from genkit.request import GenerationRequest
from genkit.testing.conformance.mutations import FIELDS, PROMPT, SEED, Group, groups
from genkit.testing.conformance.samples import GoldenRequest, OptionSample
from genkit.testing.conformance.subject import Subject, fail, require, same
from genkit.testing.conformance.wires import (
    document_of,
    fingerprint,
    holds_image,
    holds_text,
    parts_of,
)
from genkit.wire import WireRequest

__all__ = ["RequestChecks"]

NO_SUCH_OPTION = "no_such_option"
NONSENSE: tuple[Any, ...] = ({"no": ["such", {"thing": 1}]}, [[-1e300]], "\x7f no such word", -1)

_SEED_SAID = "seed-unsupported"


def plain(prompt: str = PROMPT, **fields: Any) -> GenerationRequest:
    """A request whose prompt goes as it is and whose seed is not drawn."""
    return GenerationRequest(prompt, **{"strict": False, "seed": SEED, **fields})


class RequestChecks(Subject):
    """From a request to its wire."""

    # -- golden vectors -----------------------------------------------------------------------

    def test_golden_request(self, golden: GoldenRequest) -> None:
        """A golden request becomes exactly its wire: method, address, headers, body, credential."""
        wire = self.encode(golden)
        same("method", wire.method, golden.method)
        same("url", wire.url, golden.url)
        same("headers", dict(wire.headers), {name.lower(): v for name, v in golden.headers.items()})
        if golden.auth is not None:
            auth = wire.auth and (wire.auth.name, wire.auth.prefix)
            same("auth", auth, (golden.auth[0].lower(), golden.auth[1]))
        if golden.multipart is not None:
            same("multipart parts", parts_of(wire), golden.multipart)
        elif golden.json is not None:
            same("JSON body", document_of(wire), golden.json)
        else:
            body = None if wire.body is None else wire.body.to_bytes()
            same("body", body, golden.body)

    def test_golden_request_is_the_same_each_time(self, golden: GoldenRequest) -> None:
        """Encoding again gives the same bytes, from a fresh provider too, and changes nothing."""
        context = self.context(golden)
        request = attrs.evolve(golden.request, model=context.model)
        held, before = self.provider, repr((request, context))
        wires = [held.encode(request, context) for _ in range(2)]
        wires.append(self.provider.encode(request, context))
        same("repr of request and context", repr((request, context)), before)
        for wire in wires:
            same("wire request", wire, wires[0])
            if wire.body is not None:
                data = wire.body.to_bytes()
                same("body.length", wire.body.length, len(data))
                same("bytes of the body, read again", wire.body.to_bytes(), data)
        require(len({fingerprint([wire]) for wire in wires}) == 1, "the bytes differ each time")

    def test_golden_request_names_no_key(self, golden: GoldenRequest) -> None:
        """A paid request leaves room for the credential in a header, and holds none."""
        wire = self.encode(golden)
        provider = self.provider
        if provider.key_variables:
            require(wire.auth, "auth is None, though key_variables says that there is a key")
        require(
            wire.auth is None or wire.auth.name not in wire.headers,
            "the provider sets the header itself that takes the credential",
        )
        require(not wire.download, "a paid request is marked as a download")
        require(
            wire.url.startswith(provider.base_url),
            f"{wire.url!r} is not below base_url {provider.base_url!r}",
        )

    def test_base_url_headers_and_query_of_the_settings(self) -> None:
        """What the configuration says of the service is obeyed by every request."""
        base = "http://127.0.0.1:9" + "/elsewhere"
        made = self.make(
            base_url=base, headers={"X-Kit-Header": "kit"}, query={"kit-parameter": "k 1"}
        )
        same("base_url", made.base_url, base)
        context = Context(model=made.default_model)
        wire = made.encode(self.prepared(), context)
        require(wire.url.startswith(base), f"{wire.url!r} is not below {base!r}")
        same("header x-kit-header", wire.headers.get("x-kit-header"), "kit")
        require(
            "kit-parameter=k+1" in wire.url or "kit-parameter=k%201" in wire.url,
            f"the query of the settings is not in {wire.url!r}",
        )

    # -- every option -------------------------------------------------------------------------

    def test_every_field_is_tried(self) -> None:
        """The kit knows every field of a request, so that none can go untried."""
        fields = {attribute.name for attribute in attrs.fields(GenerationRequest)}
        same("fields of GenerationRequest that the kit tries", set(FIELDS), fields)

    def test_field_is_applied_adjusted_or_refused(self, model: str, field: str) -> None:
        """Changing a field changes the wire, or is refused, or the plan says what became of it."""
        for group in groups(field, self.able(model)):
            self._try(model, field, group)

    def _try(self, model: str, field: str, group: Group) -> None:
        begins = self._planned(group.begins, model)
        if isinstance(begins, InvalidRequestError):
            fail(f"{model}: a request that the kit builds on is refused: {begins}")
        seen = {self._sent(begins): group.begins}
        for request in group.requests[1:]:
            what = f"{model}: {field}={_brief(request, field)}"
            plan = self._planned(request, model)
            if isinstance(plan, InvalidRequestError):
                wrong = group.promise == "applied"
                require(not wrong, f"{what} is refused, though capabilities allow it: {plan}")
                continue
            sent = self._sent(plan)
            if group.promise == "here":
                require(sent in seen, f"{what} went over the wire; it is the core's own")
            elif group.promise == "applied":
                require(
                    sent not in seen,
                    f"{what} sends the same bytes as {_brief(seen.get(sent), field)}: the option"
                    " is dropped, or capabilities() promises what encode() does not do",
                )
                seen[sent] = request
            else:
                require(
                    sent not in seen or _is_said(plan, begins, field),
                    f"{what} changes nothing on the wire, is not refused, and the plan does not"
                    " say so",
                )

    def _planned(self, request: GenerationRequest, model: str) -> Plan | InvalidRequestError:
        try:
            plan = self.plan(request, model)
        except InvalidRequestError as error:
            return error
        for slot in plan.slots:
            self._require_content(slot.request, slot.wire)
        same("pictures of all wire requests", sum(slot.count for slot in plan.slots), request.n)
        return plan

    @staticmethod
    def _require_content(request: GenerationRequest, wire: WireRequest) -> None:
        require(
            holds_text(wire, request.prompt), f"the prompt {request.prompt!r} is not on the wire"
        )
        for number, image in enumerate(request.images):
            require(holds_image(wire, image), f"picture {number} of the request is not on the wire")

    @staticmethod
    def _sent(plan: Plan) -> str:
        return fingerprint(slot.wire for slot in plan.slots)

    def test_models_are_told_apart_on_the_wire(self) -> None:
        """The model that is asked for is the one that the request names."""
        seen: dict[str, str] = {}
        for model in self.provider.models():
            sent = self._sent(self.plan(plain(), model))
            require(sent not in seen, f"{model} sends the same bytes as {seen.get(sent)}")
            seen[sent] = model

    # -- options of its own -------------------------------------------------------------------

    def test_every_option_of_its_own_has_a_sample(self) -> None:
        """`options` holds a value for each name in `capabilities(model).options`, and no other."""
        listed = {name for model in self.provider.models() for name in self.able(model).options}
        same("names in `options`", set(self.options), listed)

    def test_option_of_its_own_is_applied(self, model: str) -> None:
        """Each option that a model lists changes the wire, in a request and as a default."""
        for name in self.able(model).options:
            sample = self.options.get(name)
            if sample is None:
                fail(f"there is no sample for the option {name!r} in `options`")
            sample = sample if isinstance(sample, OptionSample) else OptionSample(value=sample)
            without = self._sent(self.plan(plain(**sample.fields), model))
            try:
                plan = self.plan(self._with_option(name, sample.value, **sample.fields), model)
            except InvalidRequestError as error:
                fail(f"{model}: {name}={sample.value!r} is refused: {error}")
            sent = self._sent(plan)
            require(sent != without, f"{model}: {name}={sample.value!r} changes nothing")
            slot = plan.slots[0]
            by_default = self.make(options={name: sample.value}).encode(
                attrs.evolve(slot.request, provider_options={}),
                Context(model=plan.model, size=plan.size, seed=slot.seed, count=slot.count),
            )
            same(
                f"{model}: wire with {name} as a default of the settings",
                fingerprint([by_default]),
                fingerprint([slot.wire]),
            )

    def test_unknown_option_of_its_own_is_refused(self, model: str) -> None:
        """An option that does not exist is an error that names it, never dropped."""
        try:
            self.plan(self._with_option(NO_SUCH_OPTION, 1), model)
        except InvalidRequestError as error:
            named = NO_SUCH_OPTION in f"{error.field} {error.message}"
            require(named, f"the error does not name the option: {error}")
        else:
            fail(f"provider_options of {NO_SUCH_OPTION!r} is taken without a word")

    def test_nonsense_in_an_option_of_its_own_is_refused(self, model: str) -> None:
        """A value that an option cannot have is refused, or sent; nothing else happens to it."""
        without = self._sent(self.plan(plain(), model))
        for name in self.able(model).options:
            for value in NONSENSE:
                try:
                    plan = self.plan(self._with_option(name, value), model)
                except InvalidRequestError:
                    continue
                require(
                    self._sent(plan) != without, f"{model}: {name}={value!r} is dropped silently"
                )

    def test_options_of_another_provider_are_left_alone(self) -> None:
        """What stands under another provider's name is not for this one."""
        model = self.provider.default_model
        other = plain(provider_options={f"not-{self.settings.name}": {NO_SUCH_OPTION: 1}})
        same(
            "wire with another provider's options",
            self._sent(self.plan(other, model)),
            self._sent(self.plan(plain(), model)),
        )

    def _with_option(self, name: str, value: Any, **fields: Any) -> GenerationRequest:
        return plain(provider_options={self.settings.name: {name: value}}, **fields)


def _is_said(plan: Plan, begins: Plan, field: str) -> bool:
    """Whether a plan says what became of a field."""
    names = {"width": "size", "height": "size", "aspect_ratio": "size"}
    adjusted = {adjustment.field for adjustment in plan.adjustments}
    codes = {notice.code for notice in plan.notices}
    return (
        bool(adjusted & {field, names.get(field, field)})
        or plan.convert_to != begins.convert_to
        or any(notice not in begins.notices for notice in plan.notices)
        or (field == "seed" and _SEED_SAID in codes)
    )


def _brief(request: GenerationRequest | None, field: str) -> str:
    return "nothing" if request is None else f"{getattr(request, field)!r:.120}"
