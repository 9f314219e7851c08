"""A receiver as a view of Django."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.http.request import UnreadablePostError
from django.views.decorators.csrf import csrf_exempt

from ringback.receiver.adapters.bounds import BODY_BYTES_MAX, CUT_OFF, TOO_LONG, refusal
from ringback.receiver.answer import Answer
from ringback.receiver.receiver import Receiver


def view(
    receiver: Receiver, *, bytes_max: int = BODY_BYTES_MAX
) -> Callable[[HttpRequest], HttpResponse]:
    """Return the view: ``path("webhook", view(receiver))``; the signature is its CSRF token."""

    @csrf_exempt
    def take_webhook(request: HttpRequest) -> HttpResponse:
        answer = _answer(receiver, request, bytes_max)
        return HttpResponse(answer.body, status=answer.status, headers=dict(answer.headers))

    return take_webhook


def _answer(receiver: Receiver, request: HttpRequest, bytes_max: int) -> Answer:
    length = request.headers.get("content-length")
    early = refusal(request.method or "", length, bytes_max=bytes_max)
    if early is not None:
        return early
    try:
        body = request.read(bytes_max + 1)
    except UnreadablePostError:
        return CUT_OFF
    if len(body) > bytes_max:
        return TOO_LONG
    return receiver.handle(list(request.headers.items()), body)
