"""Checks of conversations: state goes back as it was, in its part, and to nobody else."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import attrs

from genkit.conversation import (
    Conversation,
    ImagePart,
    OpaquePart,
    Part,
    ProviderState,
    TextPart,
    Turn,
)
from genkit.errors import InvalidRequestError
from genkit.lifted import Lifted, text_of
from genkit.provider import Context
from genkit.testing.conformance.pictures import picture
from genkit.testing.conformance.request_checks import plain
from genkit.testing.conformance.samples import Success
from genkit.testing.conformance.subject import Subject, fail, require, same
from genkit.testing.conformance.wires import document_of, fingerprint
from genkit.wire import WireRequest

__all__ = ["ConversationChecks"]

MARK = "Zm9yZWlnbi1zdGF0ZS1vZi1zb21lYm9keS1lbHNl"
"""Stands in states that belong to others; as base64 and as what it encodes."""
LEAST_CHARACTERS = 8
"""Shorter texts of a state may stand on the wire by chance."""


class ConversationChecks(Subject):
    """What was said goes back to the service as it came."""

    def test_conversation_is_stored_whole(self, success: Success) -> None:
        """Saved and loaded, an answer's conversation is equal, and its wire has the same bytes."""
        conversation = self._continued(success)
        saved = conversation.to_body().to_bytes()
        loaded = Conversation.from_bytes(saved)
        same("conversation, saved and loaded", loaded, conversation)
        require(loaded.to_body().to_bytes() == saved, "saved again, the file has other bytes")
        require(
            fingerprint([self._next(loaded, success)])
            == fingerprint([self._next(conversation, success)]),
            "the wire of the loaded conversation has other bytes",
        )

    def test_state_goes_back_in_its_part(self, success: Success) -> None:
        """What the service attached to a part stands on the wire again, in the place of that part.

        Where the model takes no conversation, nothing of it is sent. Where the service takes it in
        some cases only, a notice of the wire request says that it was left out.
        """
        conversation = self._continued(success)
        wire = self._next(conversation, success)
        body = b"" if wire.body is None else wire.body.to_bytes()
        states = [(part, list(_texts(part.state))) for part in conversation.turns[-1].parts]
        states = [(part, texts) for part, texts in states if texts]
        if not self.able(self._model(success)).multi_turn:
            for _part, texts in states:
                require(
                    not any(text.encode() in body for text in texts),
                    "a state is sent though the model takes no conversation",
                )
            return
        if wire.notices:
            return  # it says what it could not send
        document = document_of(wire)
        for part, texts in states:
            for text in texts:
                require(_occurs(text, document), f"a state is not on the wire: {text[:60]!r}...")
            others = [text for other, found in states if other is not part for text in found]
            self._require_beside(part, texts, others, document)

    @staticmethod
    def _require_beside(part: Part, texts: list[str], others: list[str], document: Any) -> None:
        content = _content(part)
        if content is None or not _occurs(content, document):
            return  # the state stands for the content
        place = _smallest(document, [content, *texts])
        strangers = [text for text in others if text not in texts and _occurs(text, place)]
        require(
            not strangers,
            f"the state of a {type(part).__name__} does not stand in its part: the smallest place"
            " that holds both holds the state of another part too",
        )

    def test_foreign_state_is_never_sent(self, model: str) -> None:
        """State of another provider or model is on no wire, whatever it is tied to."""
        able = self.able(model)
        for owner in (("somebody-else", able.model), (self.settings.name, "another-model")):
            states = [
                ProviderState(*owner, data)
                for data in (
                    MARK,
                    {"signature": MARK, "thoughtSignature": Lifted(MARK)},
                    MARK.encode(),
                )
            ]
            for state in states:
                conversation = Conversation(
                    (
                        Turn("user", (TextPart("a kite", state),)),
                        Turn(
                            "model",
                            (
                                TextPart("here", state),
                                ImagePart(picture(), state),
                                OpaquePart(state),
                            ),
                            state,
                        ),
                    )
                )
                try:
                    plan = self.plan(plain(conversation=conversation), model)
                except InvalidRequestError:
                    continue
                for slot in plan.slots:
                    _require_unmarked(slot.wire, "foreign state is on the wire")

    def test_odd_state_of_its_own_does_no_harm(self, model: str) -> None:
        """State under its own name that it never gave is sent or refused; nothing is raised."""
        able = self.able(model)
        if not able.multi_turn:
            return
        odd: tuple[Any, ...] = (b"\xff\0", "", "text", 7, None, [], [[{}]], {"a": {"b": [1]}})
        for data in odd:
            state = ProviderState(self.settings.name, able.model, data)
            turn = Turn(
                "model",
                (TextPart("x", state), ImagePart(picture(), state), OpaquePart(state)),
                state,
            )
            context = Context(model=able.model, conversation=Conversation((turn,)))
            try:
                wire = self.provider.encode(self.prepared(plain(model=able.model)), context)
            except InvalidRequestError:
                continue
            except Exception as error:  # noqa: BLE001 - that it raises nothing else is checked
                fail(f"{model}: state {data!r} made encode raise {type(error).__name__}: {error}")
            if wire.body is not None:
                same("length", len(wire.body.to_bytes()), wire.body.length)

    def test_states_name_provider_and_model(self, success: Success) -> None:
        """State is tagged with the provider's name and the bare model id, or it would be lost."""
        outcome, _answer = self.assembled(success)
        able = self.able(self._model(success))
        states = [getattr(part, "state", None) for part in outcome.parts]
        for state in (*states, outcome.state):
            if state is not None:
                same(
                    "owner of a state",
                    (state.provider, state.model),
                    (self.provider.name, able.model),
                )

    def _model(self, success: Success) -> str:
        return self.prepared(success.request).model or self.provider.default_model

    def _continued(self, success: Success) -> Conversation:
        _outcome, answer = self.assembled(success)
        asked = self.prepared(success.request)
        user = Turn("user", (TextPart(asked.prompt), *map(ImagePart, asked.images)))
        return Conversation((user, answer.turns[0]))

    def _next(self, conversation: Conversation, success: Success) -> WireRequest:
        request = plain("make it blue", conversation=conversation)
        able = self.able(self._model(success))
        if not able.multi_turn and not able.max_references:
            request = attrs.evolve(request, conversation=None)
        return self.plan(request, self._model(success)).slots[0].wire


def _texts(state: ProviderState | None) -> Iterator[str]:
    """The long texts of a state, which are found on the wire again."""
    if state is not None:
        data = state.data.decode("latin-1") if isinstance(state.data, bytes) else state.data
        yield from (text for text in _strings(data) if len(text) >= LEAST_CHARACTERS)


def _strings(data: Any) -> Iterator[str]:
    if isinstance(data, dict | list):
        for item in data.values() if isinstance(data, dict) else data:
            yield from _strings(item)
    elif (text := text_of(data)) is not None:
        yield text


def _content(part: Part) -> str | None:
    if isinstance(part, ImagePart):
        return base64.b64encode(part.image.data).decode()
    return part.text if isinstance(part, TextPart) and part.text else None


def _occurs(text: str, document: Any) -> bool:
    return any(text in found for found in _strings(document))


def _smallest(document: Any, texts: list[str]) -> Any:
    """The smallest part of a document that holds all the texts."""
    items = document.values() if isinstance(document, dict) else document
    for item in items if isinstance(document, dict | list) else ():
        if all(_occurs(text, item) for text in texts):
            return _smallest(item, texts)
    return document


def _require_unmarked(wire: WireRequest, problem: str) -> None:
    body = b"" if wire.body is None else wire.body.to_bytes()
    sent = body + wire.url.encode() + repr(sorted(wire.headers.items())).encode()
    forms = (MARK.encode(), base64.b64decode(MARK), base64.b64encode(MARK.encode()))
    require(not any(form in sent for form in forms), problem)
