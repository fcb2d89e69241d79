"""Settings > Security > API keys: what new keys must be like, and what is told before one expires."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render

from members.access import requires
from members.middleware import MemberRequest
from members.models import Level, Scope
from members.views.answers import see_other
from members.views.policy_form import KeyPolicyForm

REFUSED = 422


@requires(Scope.SECURITY, Level.ACT)
def key_policy(request: MemberRequest) -> HttpResponse:
    """Ask for the policy, and save it."""
    form = KeyPolicyForm(request.POST if request.method == "POST" else None, organization=request.organization)
    if form.is_valid() and form.save(by=request.actor):
        messages.success(request, "The policy for API keys was saved.")
        return see_other(request, "security")
    return render(request, "members/key_policy.html", {"form": form}, status=REFUSED if form.errors else 200)
