"""The sign-in pages under `/accounts/`: those of allauth's that this product has, and no other.

Its pages for changing an e-mail address are left out: a member is found by the address they sign in with, so whoever
could change theirs could claim somebody else's membership.
"""

from allauth.account import views
from allauth.mfa.base import views as second_factor
from django.urls import path, re_path

from members.views.second_factor import NewRecoveryCodesView, RecoveryCodesView, RemovalView, SetUpView
from members.views.sign_in import (
    ConfirmLoginCodeView,
    PasswordResetFromKeyView,
    ProveAddressView,
    RequestLoginCodeView,
)

urlpatterns = [
    path("login/", views.login, name="account_login"),
    path("login/code/", RequestLoginCodeView.as_view(), name="account_request_login_code"),
    path("login/code/anew/", ProveAddressView.as_view(), name="account_prove_address"),
    path("login/code/confirm/", ConfirmLoginCodeView.as_view(), name="account_confirm_login_code"),
    path("logout/", views.logout, name="account_logout"),
    path("inactive/", views.account_inactive, name="account_inactive"),
    path("signup/", views.signup, name="account_signup"),
    path("reauthenticate/", views.reauthenticate, name="account_reauthenticate"),
    path("second-factor/", second_factor.index, name="mfa_index"),
    path("second-factor/code/", second_factor.authenticate, name="mfa_authenticate"),
    path("second-factor/code/again/", second_factor.reauthenticate, name="mfa_reauthenticate"),
    path("second-factor/setup/", SetUpView.as_view(), name="mfa_activate_totp"),
    path("second-factor/removal/", RemovalView.as_view(), name="mfa_deactivate_totp"),
    path("second-factor/recovery-codes/", RecoveryCodesView.as_view(), name="mfa_view_recovery_codes"),
    path(
        "second-factor/recovery-codes/new/",
        NewRecoveryCodesView.as_view(),
        name="mfa_generate_recovery_codes",
    ),
    path("password/change/", views.password_change, name="account_change_password"),
    path("password/set/", views.password_set, name="account_set_password"),
    path("password/reset/", views.password_reset, name="account_reset_password"),
    path("password/reset/done/", views.password_reset_done, name="account_reset_password_done"),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        PasswordResetFromKeyView.as_view(),
        name="account_reset_password_from_key",
    ),
    path(
        "password/reset/key/done/",
        views.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
]
