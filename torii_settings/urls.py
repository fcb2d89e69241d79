"""Every door of the project. Machines' come first: their requests are the many."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.views.generic import RedirectView

import apikeys.urls
import members.urls
from api.docs import docs_page
from members.views.short_address import short_address, short_addresses
from scim.views.base import not_found
from scim.views.search import RootView
from torii_settings.favicon import favicon
from torii_settings.health import healthz, readyz

# Nothing of ours has a page for "view on site", and the view fails at an id that is none.
STAFF_PAGES = [each for each in admin.site.get_urls() if getattr(each, "name", "") != "view_on_site"]

handler500 = "torii_settings.error_pages.server_error"

# The settings pages of an organization.
PAGES: list[URLPattern | URLResolver] = [
    *members.urls.urlpatterns,
    *apikeys.urls.urlpatterns,
    path("security/guides/", include("torii_settings.guides.urls")),
]

urlpatterns = [
    path("scim/v2", RootView.as_view()),
    path("scim/v2/", include("scim.urls")),
    path("v1.0/scim/v2/", include("scim.urls", namespace="scim-v1")),
    # Whoever mistypes the base URL is told so in SCIM. Were /scim/ an address too, /scim would lead there.
    re_path(r"^(?:v1\.0/)?scim/.", not_found),
    path("v1.0/", include("api.urls")),
    path("docs/api", docs_page, name="api-docs"),
    path("favicon.ico", favicon, name="favicon"),
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("settings/", short_address, name="settings"),
    path("settings/<organization_id:organization_id>/", include(PAGES)),
    path("settings/", include(list(short_addresses(PAGES)))),
    path("accounts/", include("torii_settings.account_urls")),
    path("admin/", (STAFF_PAGES, "admin", admin.site.name)),
    path("", RedirectView.as_view(pattern_name="settings", permanent=False), name="home"),
]
