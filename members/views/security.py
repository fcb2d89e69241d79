"""Settings > Security: whether an identity provider may provision members over SCIM, and the policy for API keys."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from apikeys.policy import keys_against_policy
from members.access import requires
from members.middleware import MemberRequest
from members.models import Level, Scope
from members.views.answers import see_other


@requires(Scope.SECURITY)
def security(request: MemberRequest) -> HttpResponse:
    """Show the SCIM switch, what an admin types into the identity provider, and the policy for API keys."""
    against = keys_against_policy(request.organization, timezone.now())
    return render(request, "members/security.html", {"keys_against_policy": against})


@requires(Scope.SECURITY, Level.ACT)
def scim_activation(request: MemberRequest) -> HttpResponse:
    """Turn SCIM on. A GET, as after a sign-in that came in between, changes nothing."""
    if request.method == "POST":
        request.organization.enable_scim(by=request.actor)
        messages.success(request, "SCIM provisioning is on.")
    return redirect("security")


@requires(Scope.SECURITY, Level.ACT)
def scim_deactivation(request: MemberRequest) -> HttpResponse:
    """Ask, naming the keys that will be refused, then turn SCIM off."""
    if request.method == "POST":
        request.organization.disable_scim(by=request.actor)
        messages.success(request, "SCIM provisioning is off. Nothing was lost.")
        return see_other(request, "security")
    if not request.organization.scim_enabled:
        return see_other(request, "security")
    keys = request.organization.api_keys.scim().live(timezone.now())
    return render(request, "members/scim_deactivation.html", {"keys": keys})
