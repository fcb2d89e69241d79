"""Settings > Security: whether an identity provider may provision members over SCIM, and the policy for API keys."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone

from apikeys.next_step import next_step
from apikeys.policy import keys_against_policy
from members.access import requires
from members.middleware import MemberRequest
from members.models import Level, Scope
from members.views.answers import redirect_to, see_other


@requires(Scope.SECURITY)
def security(request: MemberRequest) -> HttpResponse:
    """Show the SCIM switch, what an admin types into the identity provider, and the policy for API keys."""
    now = timezone.now()
    context = {
        "keys_against_policy": keys_against_policy(request.organization, now),
        "next_step": next_step(request.organization, now),
    }
    return render(request, "members/security.html", context)


@requires(Scope.SECURITY, Level.ACT)
def scim_activation(request: MemberRequest) -> HttpResponse:
    """Turn SCIM on. A GET, as after a sign-in that came in between, changes nothing.

    Beside a key that is shown this once, the answer is one line, so that the key stays where it is.
    """
    if request.method == "POST":
        request.organization.enable_scim(by=request.actor)
        if request.htmx.target == "scim-off":
            return render(request, "apikeys/scim_turned_on.html")
        messages.success(request, "SCIM provisioning is on.")
    return redirect_to(request, "security")


@requires(Scope.SECURITY, Level.ACT)
def admin_assignment(request: MemberRequest) -> HttpResponse:
    """Let the identity provider make Admins, or not any more. A GET, as after a sign-in in between, changes nothing."""
    if request.method == "POST":
        allowed = request.POST.get("allowed") == "yes"
        request.organization.let_directory_assign_admin(allowed, by=request.actor)
        may = "may" if allowed else "may not"
        messages.success(request, f"The identity provider {may} assign Admin.")
    return redirect_to(request, "security")


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
