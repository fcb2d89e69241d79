"""The headers that tell a browser what it may do with an answer: at every door, on refusals and errors too.

Machines' answers have the few that mean something without a page. docs/decisions/0056-names-of-hosts.md says what HSTS
and the staff admin's policy hold, and why not more.
"""

from django.conf import settings

# The organization's pages run nothing but their own files.
PAGE_POLICY = (
    "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; form-action 'self'; "
    "base-uri 'none'; object-src 'none'"
)
# The staff admin's library evaluates expressions in attributes, and sets styles there. No script stands in its pages.
STAFF_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; frame-ancestors 'none'; form-action 'self'; base-uri 'none'; object-src 'none'"
)


def transport_security() -> str:
    """Return what Strict-Transport-Security says; nothing where the service has no https address."""
    if not settings.SECURE_HSTS_SECONDS:
        return ""
    domain = "; includeSubDomains" if settings.SECURE_HSTS_INCLUDE_SUBDOMAINS else ""
    return f"max-age={settings.SECURE_HSTS_SECONDS}{domain}{'; preload' if settings.SECURE_HSTS_PRELOAD else ''}"


EVERYWHERE = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": settings.SECURE_REFERRER_POLICY,
    "Cache-Control": "no-store",
} | ({"Strict-Transport-Security": transport_security()} if settings.SECURE_HSTS_SECONDS else {})
ON_PAGES = EVERYWHERE | {
    "Content-Security-Policy": PAGE_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": settings.X_FRAME_OPTIONS,
}
