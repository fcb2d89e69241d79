"""An address for each guide, so that there is none for a guide that doesn't exist."""

from django.urls import path

from torii_settings.guides.views import GUIDES, guide_page

urlpatterns = [path(each.slug, guide_page, {"guide": each}, name=each.url) for each in GUIDES]
