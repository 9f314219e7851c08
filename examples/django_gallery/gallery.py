"""A gallery in one file of Django: a picture is asked for, and hung when its webhook comes.

    ringback dev                                            # in one terminal; it shows the secret
    RINGBACK_WEBHOOK_SECRET=whsec_… python gallery.py runserver   # in another
    curl -X POST http://127.0.0.1:8000/pictures -d 'title=a red fox in snow'
    curl http://127.0.0.1:8000/pictures

The receipt of a webhook lies in a ledger of its own (SQLite here), so its handler may be called
twice if the machine dies at the wrong moment: it says what the picture is, and says the same again.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import django
from django.conf import settings
from django.core.management import execute_from_command_line
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from ringback import ClientError, Ringback
from ringback.receiver import Receiver, SqliteLedger, WebhookEvent
from ringback.receiver.adapters.django import view

URL = os.environ.get("GALLERY_URL", "http://127.0.0.1:8000")
MODEL = os.environ.get("GALLERY_MODEL", "bfl/flux-1-dev")
FOLDER = os.environ.get("GALLERY_DIR", ".")

if not settings.configured:
    settings.configure(
        ALLOWED_HOSTS=["127.0.0.1", "localhost", "testserver"],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": os.path.join(FOLDER, "gallery.db"),
            }
        },
        MIDDLEWARE=["django.middleware.csrf.CsrfViewMiddleware"],
        ROOT_URLCONF=__name__,
        SECRET_KEY=os.environ.get("GALLERY_SECRET_KEY", "only for trying it out"),
    )
    django.setup()

client = Ringback()
receiver = Receiver(
    os.environ["RINGBACK_WEBHOOK_SECRET"],
    ledger=SqliteLedger(os.path.join(FOLDER, "webhooks.db")),
)


@receiver.on("job.completed", "job.failed", "job.cancelled")
def hang(event: WebhookEvent) -> None:
    """Hang the picture of a job that is over, or say why there is none."""
    with connection.cursor() as cursor:
        cursor.execute(
            "update pictures set url = %s, error = %s where job_id = %s",
            [next(iter(event.job.urls), None), event.job.error, event.job.job_id],
        )
        if not cursor.rowcount:
            # The webhook was faster than the note below; it is tried again in a second.
            raise LookupError(f"no picture is of job {event.job.job_id} yet")


@csrf_exempt
@require_http_methods(["GET", "POST"])
def pictures(request: HttpRequest) -> HttpResponse:
    """Ask for a picture, or list them."""
    if request.method == "GET":
        return JsonResponse({"pictures": _listed()})
    title = request.POST.get("title", "").strip()
    if not title:
        return JsonResponse({"error": "Give the picture a title."}, status=400)
    try:
        job = client.image(MODEL, prompt=title, webhook_url=f"{URL}/webhook")
    except ClientError as exc:
        return JsonResponse({"error": f"No picture can be made just now: {exc}"}, status=502)
    with connection.cursor() as cursor:
        cursor.execute("insert into pictures (job_id, title) values (%s, %s)", [job.job_id, title])
    return JsonResponse({"job_id": job.job_id}, status=201)


def _listed() -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute("select title, job_id, url, error from pictures order by rowid")
        return [
            dict(zip(("title", "job_id", "url", "error"), row, strict=True))
            for row in cursor.fetchall()
        ]


def prepare() -> None:
    """Make the gallery's table."""
    with connection.cursor() as cursor:
        cursor.execute(
            "create table if not exists pictures "
            "(job_id text primary key, title text not null, url text, error text)"
        )


urlpatterns = [path("pictures", pictures), path("webhook", view(receiver))]

if __name__ == "__main__":
    prepare()
    execute_from_command_line(sys.argv)
