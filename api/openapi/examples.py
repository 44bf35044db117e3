"""Whole bodies as examples; mypy and a test hold them to their types."""

import json

from shared import bodies
from shared.imagetype import ImageType
from shared.models import Encoding
from shared.plans import Plan

_BATCH_ID = "9b1e6f0a-6d0e-4d5f-9f59-3c2f1f6a7b10"
_IMAGE_ID = "0d5c1c84-0b0f-4d5b-8a55-0d9b5c1f2e11"

IMAGE: bodies.Image = {
    "id": _IMAGE_ID,
    "batch_id": _BATCH_ID,
    "index": 0,
    "original_name": "IMG_0001.JPG",
    "path": "shoes/red",
    "file_name": "red-running-shoes-on-grass.avif",
    "format": ImageType.AVIF,
    "width": 1600,
    "height": 1067,
    "original_size": 4718592,
    "compressed_size": 187340,
    "saved_percent": 96.0,
    "url": "https://images.example/9b1e6f0a/out/1.avif?X-Amz-Signature=0123",
    "expires_at": "2026-05-02T10:00:00Z",
    "alt_text": "Red running shoes on wet grass",
    "watermarked": True,
    "encoding": Encoding.REENCODED,
    "retry_of": None,
}
FAILED: bodies.FailedImage = {
    "id": "5f0c2a0e-8a43-4f7e-9a53-7f9b0c3d2e22",
    "index": 1,
    "original_name": "notes.txt",
    "path": None,
    "error": "unsupported_image",
    "message": "notes.txt is not an image this service reads",
    "retry_of": None,
}
WARNING: bodies.Warning = {
    "index": None,
    "code": "unknown_field",
    "message": "The field 'max_widht' is not known and was ignored; maxWidth was probably meant",
}
BATCH: bodies.Batch = {
    "session_id": "spring-sale",
    "batch_id": _BATCH_ID,
    "status": "completed",
    "data": [IMAGE],
    "errors": [FAILED],
    "warnings": [WARNING],
}
ALL_FAILED: bodies.Batch = {
    "error": "No image could be processed",
    "code": "all_failed",
    "session_id": "spring-sale",
    "batch_id": _BATCH_ID,
    "status": "completed",
    "data": [],
    "errors": [FAILED],
    "warnings": [],
}
ACCEPTED: bodies.Batch = {
    "session_id": "spring-sale",
    "batch_id": _BATCH_ID,
    "status": "queued",
    "progress": {
        "total": 2,
        "queued": 2,
        "processing": 0,
        "completed": 0,
        "failed": 0,
        "cancelled": 0,
        "original_bytes": 0,
        "compressed_bytes": 0,
    },
    "data": [],
    "errors": [],
    "warnings": [],
}
PROGRESS: bodies.Progress = {
    "total": 240,
    "queued": 100,
    "processing": 4,
    "completed": 134,
    "failed": 2,
    "cancelled": 0,
    "original_bytes": 912000000,
    "compressed_bytes": 61000000,
}
WEBHOOK: bodies.Webhook = {
    "batch_id": _BATCH_ID,
    "url": "https://example.com/hooks/images",
    "status": "pending",
    "attempts": 2,
    "last_status": 503,
    "next_attempt_at": "2026-05-02T10:00:35Z",
}
SESSION: bodies.SessionPage = {
    "session_id": "spring-sale",
    "status": "processing",
    "progress": PROGRESS,
    "data": [IMAGE],
    "errors": [{**FAILED, "batch_id": _BATCH_ID}],
    "warnings": [{**WARNING, "batch_id": _BATCH_ID}],
    "webhooks": [WEBHOOK],
    "next_cursor": "136",
    "archive_url": "/api/archives/9c1d?expires=1777716000&signature=6f0c",
}
CANCELLED: bodies.SessionPage = {
    **SESSION,
    "status": "completed",
    "progress": {**PROGRESS, "queued": 0, "processing": 0, "cancelled": 104},
    "next_cursor": "100",
}
RETRIED: bodies.SessionPage = {"retried": 2, **SESSION}
NOT_RETRIED: bodies.SessionPage = {"retried": 0, **CANCELLED}
DELETED: bodies.SessionPage = {
    "session_id": "spring-sale",
    "status": "cancelled",
    "progress": {**PROGRESS, "queued": 0, "processing": 0, "cancelled": 104},
    "data": [],
    "errors": [],
    "warnings": [],
    "webhooks": [],
    "next_cursor": None,
    "archive_url": None,
}
SESSIONS: bodies.SessionList = {
    "sessions": [
        {
            "session_id": "spring-sale",
            "status": "processing",
            "progress": PROGRESS,
            "created_at": "2026-05-01T09:58:12Z",
        }
    ],
    "next_cursor": "1777629492000000-spring-sale",
}
ACCOUNT: bodies.Account = {
    "name": "Spring Shop",
    "plan": Plan.PRO,
    "period_started_at": "2026-04-12T00:00:00Z",
    "period_ends_at": "2026-05-12T00:00:00Z",
    "ai": True,
    "stored_bytes": 1_204_000_000,
    "storage_bytes": 500_000_000_000,
}
USAGE: bodies.Usage = {
    "plan": Plan.PRO,
    "compressor_used": 45,
    "compressor_limit": 99999,
    "ia_credits_used": 120,
    "ia_credits_monthly": 1000,
    "ia_topup_credits": 200,
    "ia_credits_remaining": 1080,
    "canCompress": True,
    "canUseIA": True,
    "topups": {"small": "https://shop.example/small", "medium": "", "large": ""},
}
NEW_KEY: bodies.NewKey = {"api_key": "flx_live_0123456789abcdef0123456789abcdef01234567"}
WEBHOOK_EVENT: bodies.WebhookEvent = {
    "type": "batch.completed",
    "timestamp": "2026-05-01T10:00:00Z",
    "data": BATCH,
}
NEW_SECRET: bodies.NewSecret = {"secret": "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="}
HEALTHY: bodies.Health = {"status": "ok"}
READY: bodies.Ready = {
    "status": "ok",
    "queue": {
        "images": 225,
        "age_seconds": 12.5,
        "accounts": 3,
        "cpu_seconds": 160.2,
        "full": False,
    },
}
NOT_READY: bodies.NotReady = {
    "error": "Not ready: redis down",
    "code": "unavailable",
    "down": ["redis"],
}
EVENT: bodies.SessionEvent = {
    "event": "image",
    "id": "135",
    "data": json.dumps(IMAGE | {"warnings": []}),
}
