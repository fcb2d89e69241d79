"""How often somebody may try to sign in, and ask for mails with codes and links.

Every limit is by account and network: wrong passwords and requests from elsewhere lock nobody out. Slower limits, over
all networks of an account and over all accounts of a network, end what is spread out. A device that the account has
signed in on before is counted by itself and not with the strangers (`members.devices`), so that even many networks at
once keep nobody out of a browser that they use. A code that reached the mailbox is proof: wrong passwords are no reason
to refuse it.

An account here is an address, whether or not anybody has it. So a limit tells nobody which addresses are known.
"""

from django.conf import settings
from django.http import HttpRequest

from audit.actor import Origin
from lib.attempts import Count, Limit, give_back_all, take_all
from lib.networks import network_of
from members.devices import Device
from members.folding import account_key

MINUTE, HOUR, DAY = 60, 3600, 24 * 3600

PASSWORDS = Limit("passwords", 5, 5 * MINUTE)
PASSWORDS_OF_ACCOUNT = Limit("passwords of account", 50, HOUR)
PASSWORDS_OF_NETWORK = Limit("passwords of network", 100, HOUR)
CODES = Limit("codes", 10, 15 * MINUTE)
CODES_OF_NETWORK = Limit("codes of network", 100, HOUR)
# A right first proof comes before them, so that strangers hardly get here. Of a million codes, three are right.
FACTORS = (Limit("second factors", 5, 5 * MINUTE), Limit("second factors an hour", 20, HOUR))
FACTORS_OF_ACCOUNT = Limit("second factors of account", 40, HOUR)
LINKS_OF_NETWORK = Limit("links of network", 100, HOUR)
MAILS = (Limit("mails a minute", 3, MINUTE), Limit("mails an hour", 10, HOUR))
MAILS_OF_NETWORK = (Limit("mails of network a minute", 20, MINUTE), Limit("mails of network an hour", 200, HOUR))
# What one network may use of the mails that an address gets in a day: strangers need several to use them up.
SHARE_OF_NETWORK = 3


class Attempt:
    """An attempt to get into the account of an e-mail address, from where `request` comes."""

    def __init__(self, request: HttpRequest, address: str) -> None:
        self.account = account_key(address)
        self.network = network_of(Origin.of(request).ip)
        device = Device.of(request)
        self.device = device.id if device.knows(address) else None

    def try_password(self) -> bool:
        """Count a password before it is looked at. Return whether it may be."""
        return take_all(self._passwords())

    def password_is_right(self) -> None:
        """Don't count the password after all: only wrong ones count."""
        give_back_all(self._passwords())

    def password_is_new(self) -> None:
        """Begin anew from here: whoever has just set the password by a link knows it."""
        self._here(PASSWORDS).forget()

    def try_code(self) -> bool:
        """Count a code before it is looked at. Return whether it may be."""
        return take_all(self._codes())

    def code_is_right(self) -> None:
        """Don't count the code after all."""
        give_back_all(self._codes())

    def try_factor(self) -> bool:
        """Count a code of the second factor before it is looked at. Return whether it may be."""
        return take_all(self._factors())

    def factor_is_right(self) -> None:
        """Don't count the code after all."""
        give_back_all(self._factors())

    def ask_for_mail(self) -> bool:
        """Count a mail to the address. Return whether it may be sent."""
        return take_all(self._mails())

    def _here(self, limit: Limit) -> Count:
        return limit.by(self.account, self.device or self.network)

    def _passwords(self) -> list[Count]:
        return self._guesses(PASSWORDS, PASSWORDS_OF_NETWORK.by(self.network), PASSWORDS_OF_ACCOUNT.by(self.account))

    def _codes(self) -> list[Count]:
        return self._guesses(CODES, CODES_OF_NETWORK.by(self.network))

    def _factors(self) -> list[Count]:
        here = [self._here(limit) for limit in FACTORS]
        return here if self.device else [*here, FACTORS_OF_ACCOUNT.by(self.account)]

    def _guesses(self, limit: Limit, *over_all: Count) -> list[Count]:
        here = self._here(limit)
        return [here] if self.device else [here, *over_all]

    def _mails(self) -> list[Count]:
        most = settings.SIGN_IN_MAILS_PER_DAY
        a_day = Limit("mails a day", most, DAY)
        counts = [self._here(limit) for limit in MAILS] + [limit.by(self.network) for limit in MAILS_OF_NETWORK]
        if self.device:
            return [*counts, self._here(a_day)]
        share = Limit("share of mails a day", -(-most // SHARE_OF_NETWORK), DAY)
        return [*counts, self._here(share), a_day.by(self.account)]


def links(request: HttpRequest) -> Count:
    """Return the count of the wrong links that came from where `request` comes."""
    return LINKS_OF_NETWORK.by(network_of(Origin.of(request).ip))
