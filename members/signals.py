"""What happens to members that apps above this one want to know of, in the same transaction."""

from django.dispatch import Signal

# Active Admins who are none any more: demoted, deactivated or removed. Sent with `organization`, `members`
# and `by`.
admins_left = Signal()

# Somebody who is erased, for whoever holds more of them. Sent with `organization`, `address` and `erasure`
# (`audit.erasure.Erasure`).
person_erased = Signal()

# An organization that is about to be deleted: nobody may get in any more. Sent with `organization`.
organization_closed = Signal()
