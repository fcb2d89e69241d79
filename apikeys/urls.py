"""Settings > API Access: the list of keys, a new one, and what becomes of one."""

from django.urls import path

from apikeys.views import deletion, key_list, key_page, new_key, rotation

urlpatterns = [
    path("api-access", key_list.api_access, name="api-access"),
    path("api-access/keys/new", new_key.new_key, name="api-key-new"),
    path("api-access/keys/<slug:key_id>", key_page.key_page, name="api-key"),
    path("api-access/keys/<slug:key_id>/rotation", rotation.rotation, name="api-key-rotation"),
    path("api-access/keys/<slug:key_id>/origins", key_page.origins, name="api-key-origins"),
    path("api-access/keys/<slug:key_id>/deletion", deletion.deletion, name="api-key-deletion"),
]
