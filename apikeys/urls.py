"""Settings > API Access: the list of keys, a new one, and the end of one."""

from django.urls import path

from apikeys import views

urlpatterns = [
    path("api-access", views.api_access, name="api-access"),
    path("api-access/keys/new", views.new_key, name="api-key-new"),
    path("api-access/keys/<slug:key_id>/deletion", views.deletion, name="api-key-deletion"),
]
