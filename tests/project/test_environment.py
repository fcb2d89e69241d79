"""Each variable is taken as meant, or refused at start in a sentence: by kind, so that a new variable is tried too.

Each case is fed to a process of its own that reads the settings; the cases of different variables go together, one of
each variable at a time.
"""

import json
import os
import re
import subprocess
import sys
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest

from torii_settings.environment import hosts, kinds, redis, urls
from torii_settings.environment.reading import Refused
from torii_settings.environment.table import Environment

ROOT = Path(__file__).resolve().parents[2]
KEY = "a-random-key-that-nobody-can-guess"
SECRET = "a-random-text-that-nobody-can-guess"
OTHER = "another-random-text-nobody-can-guess"
SMTP = "django.core.mail.backends.smtp.EmailBackend"

PRODUCTION = {
    "SECRET_KEY": f"the-key-{SECRET}-{SECRET}",
    "API_KEY_PEPPERS": f"the-pepper-{SECRET}",
    "DATABASE_URL": "postgres://u:p@127.0.0.1/none",
    "ALLOWED_HOSTS": "settings.example,127.0.0.1",
    "BASE_URL": "https://settings.example",
    "EMAIL_URL": "smtp://127.0.0.1:25",
    "DEFAULT_FROM_EMAIL": "settings@settings.example",
}


def smtp(host: str, port: int, user: str = "", password: str = "", *, tls: bool = False, ssl: bool = False) -> Any:
    return {
        "EMAIL_BACKEND": SMTP,
        "EMAIL_HOST": host,
        "EMAIL_PORT": port,
        "EMAIL_HOST_USER": user,
        "EMAIL_HOST_PASSWORD": password,
        "EMAIL_USE_TLS": tls,
        "EMAIL_USE_SSL": ssl,
    }


def postgres(host: str, name: str, user: str = "", password: str = "", port: str = "", **options: str) -> Any:
    login = {"USER": user, "PASSWORD": password, "HOST": host, "PORT": port}
    return {"ENGINE": "postgresql", "NAME": name, **login, "OPTIONS": options}


# What a kind takes, and what that stands for.
TAKEN: dict[type, list[Any]] = {
    kinds.Switch: [(text, True) for text in ("on", "ON", "true", "True", "yes", "1", " on\n", '"on"')]
    + [(text, False) for text in ("off", "OFF", "false", "no", "0", "'off'")],
    kinds.WholeNumber: [
        ("100", 100),
        ("0100", 100),
        (" 100 ", 100),
        ("100\n", 100),
        ('"100"', 100),
        ("\t100\r\n", 100),
    ],
    kinds.Duration: [
        ("90", 90),
        ("90s", 90),
        ("15m", 900),
        ("15M", 900),
        ("15 m", 900),
        ("2h", 7200),
        ("1d", 86400),
        ("'15m'", 900),
    ],
    kinds.Choice: [("info", "INFO"), ("Warning", "WARNING"), ("ERROR", "ERROR"), (" debug\n", "DEBUG")],
    kinds.Secret: [
        (KEY, KEY),
        (f" {KEY}\n", KEY),
        (f"${KEY}", f"${KEY}"),
        (f"${{{KEY}}}", f"${{{KEY}}}"),
        (f"\\${KEY}", f"\\${KEY}"),
        (f"ключ-{KEY}", f"ключ-{KEY}"),
        (f"{KEY},{SECRET}", f"{KEY},{SECRET}"),
    ],
    kinds.Secrets: [
        (f"{SECRET}, {OTHER}", [SECRET, OTHER]),
        (f",{SECRET},,{OTHER} ,\n", [SECRET, OTHER]),
        (f"${SECRET},{SECRET},${SECRET}", [f"${SECRET}", SECRET]),
    ],
    kinds.Peppers: [(f"{SECRET}, old", [SECRET, "old"]), (f"{SECRET},$old", [SECRET, "$old"])],
    kinds.Mailbox: [
        ("settings@example.com", "settings@example.com"),
        ("Settings <settings@example.com>", "Settings <settings@example.com>"),
        ("Einstellungen für alle <settings@example.com>\n", "Einstellungen für alle <settings@example.com>"),
    ],
    hosts.Hosts: [
        ("settings.example, 127.0.0.1", ["settings.example", "127.0.0.1"]),
        ("Settings.EXAMPLE", ["settings.example"]),
        ("settings.example.", ["settings.example"]),
        (",settings.example,,", ["settings.example"]),
        ("settings.example,.shop.example", ["settings.example", ".shop.example"]),
        ("::1,[::1],settings.example", ["[::1]", "[::1]", "settings.example"]),
        ("xn--bcher-kva.example,settings.example", ["xn--bcher-kva.example", "settings.example"]),
    ],
    # It has to be one of ALLOWED_HOSTS, whose case at the same place allows it.
    hosts.Host: [None] * 4 + [("Staff.shop.EXAMPLE.\n", "staff.shop.example")],
    hosts.Networks: [
        ("10.0.0.7, 10.0.0.0/8", ["10.0.0.7", "10.0.0.0/8"]),
        ("10.1.2.3/8", ["10.0.0.0/8"]),
        ("::1,2001:DB8::/32", ["::1", "2001:db8::/32"]),
        ("10.0.0.7\n", ["10.0.0.7"]),
    ],
    hosts.BaseUrl: [
        ("http://127.0.0.1:8000\n", "http://127.0.0.1:8000"),
        (" https://settings.example", "https://settings.example"),
        ("HTTPS://Settings.Example/", "https://settings.example"),
        ("https://settings.example:443", "https://settings.example"),
        ("https://settings.example:8443//", "https://settings.example:8443"),
    ],
    urls.DatabaseUrl: [
        ("postgres://u:p@h:5433/n", postgres("h", "n", "u", "p", "5433")),
        ("POSTGRESQL://u@h/n", postgres("h", "n", "u")),
        ("postgres://user@%2Fvar%2Frun%2FpostgreSQL/n", postgres("/var/run/postgreSQL", "n", "user")),
        ("postgres:///n?host=/var/run/postgresql&user=u", postgres("/var/run/postgresql", "n", "u")),
        (
            "postgres://u:$p%40%2F:@ss@h/n?sslmode=verify-full",
            postgres("h", "n", "u", "$p@/:@ss", sslmode="verify-full"),
        ),
        ("postgres://u:p?x@h/n", postgres("h", "n", "u", "p?x")),
        ("postgres://u:p@[::1]:1,h:2/n%20m", postgres("::1,h", "n m", "u", "p", "1,2")),
        ("sqlite:////var/lib/a%20b.sqlite3", {"ENGINE": "sqlite3", "NAME": "/var/lib/a b.sqlite3"}),
    ],
    redis.RedisUrl: [
        ("redis://h", redis.RedisAddress("redis", "", "h:6379", 0, {})),
        ("REDIS://u:$p@ss@h:1/2", redis.RedisAddress("redis", "u:%24p%40ss@", "h:1", 2, {})),
        ("redis://h?db=3", redis.RedisAddress("redis", "", "h:6379", 3, {})),
        (
            "rediss://[::1]/0?ssl_ca_certs=/ca",
            redis.RedisAddress("rediss", "", "[::1]:6379", 0, {"ssl_ca_certs": "/ca"}),
        ),
        ("unix:///run/redis.sock?db=4", redis.RedisAddress("unix", "", "/run/redis.sock", 4, {})),
    ],
    urls.EmailUrl: [
        ("smtp://h", smtp("h", 25)),
        ("smtp+tls://u@example.com:p%40ss@h", smtp("h", 587, "u@example.com", "p@ss", tls=True)),
        ("smtps://u:$p@ss@h", smtp("h", 465, "u", "$p@ss", ssl=True)),
        ("SMTP+SSL://u:p@[::1]:4650/", smtp("::1", 4650, "u", "p", ssl=True)),
        (
            "filemail:////var/mail%20box",
            {"EMAIL_BACKEND": SMTP.replace("smtp", "filebased"), "EMAIL_FILE_PATH": "/var/mail box"},
        ),
        ("consolemail://", {"EMAIL_BACKEND": SMTP.replace("smtp", "console")}),
        ("memorymail://", {"EMAIL_BACKEND": SMTP.replace("smtp", "locmem")}),
        ("dummymail://", {"EMAIL_BACKEND": SMTP.replace("smtp", "dummy")}),
    ],
}

# What a kind refuses. A text with "hunter2" in it must not be repeated: it is, or might be, a secret.
REFUSED: dict[type, list[str]] = {
    kinds.Switch: ["maybe", "2", "-1", "onn", "$ON", "on,off", "on off"],
    kinds.WholeNumber: [
        "abc",
        "-5",
        "0.5",
        "1_000",
        "+5",
        "1e3",
        "٣",
        "²",
        "9" * 30,
        "9" * 5000,
        "10 000",
        "0x10",
        "$X",
    ],
    kinds.Duration: ["soon", "-10", "0.5", "15x", "1h30m", "1_0", "9" * 30, "٣m", "m", "15 minutes"],
    kinds.Choice: ["verbose", "10", "$LEVEL", "INFO,DEBUG"],
    kinds.Secret: [
        "hunter2",
        "…",
        "changeme" + "hunter2" * 9,
        "django-insecure-hunter2-" + SECRET,
        "a" * 60,
        "ab" * 30,
        f'"hunter2{SECRET}"',
        f"hunter2{SECRET}\nand more",
        f"hunter2{SECRET}\udc80",
        f"<your-secret-key>hunter2{SECRET}",
    ],
    kinds.Secrets: [
        ",",
        " , ,",
        "hunter2",
        f"{SECRET},hunter2",
        f"{SECRET},'hunter2{OTHER}'",
        f"{SECRET}\nhunter2{OTHER}",
    ],
    kinds.Peppers: [",", "hunter2", f"hunter2,{SECRET}", f"{SECRET},'hunter2'", f"…,hunter2{SECRET}"],
    kinds.Mailbox: [
        "smtp://u:p@settings.example",
        "settings",
        "settings@",
        "a@b.example, c@d.example",
        "a@b.example\nBcc: c@d.example",
        "<>",
        "@",
    ],
    hosts.Hosts: [
        ",",
        "*",
        "settings.example,*",
        "*.example.com",
        ".com",
        ".",
        "https://settings.example",
        "settings.example/",
        "settings.example:443",
        "settings example",
        "settings_1.example",
        "bücher.example",
        "10.0.0",
        "10.0.0.0/8",
        "[::1",
        "$HOSTS",
    ],
    hosts.Networks: [
        ",",
        "*",
        "0.0.0.0/0",
        "10.0.0.7,::/0",
        "10.0.0.0/33",
        "proxy.example",
        "10.0.0",
        "10.0.0.7:80",
        "0.0.0.0/1,128.0.0.0/1",
        "10.0.0.0/7",
        "::/1",
        "::ffff:0:0/96",
        "::ffff:10.0.0.7",
    ],
    hosts.Host: [",", "*", ".staff.example", "https://staff.example", "staff.example:443", "staff_1.example", "a b"],
    hosts.BaseUrl: [
        "settings.example",
        "https://",
        "https:/settings.example",
        "https://settings.example/app",
        "https://settings.example?a=b",
        "https://settings.example/#top",
        "https://u:p@settings.example",
        "https://settings.example:0",
        "https://settings.example:99999",
        "https://settings.example:",
        "https://settings example",
        "https://bücher.example",
        "https://*",
        "ftp://settings.example",
        "http://settings.example",
        "http://0.0.0.0:8000",
        "http://localhost.example",
        "$BASE",
    ],
    urls.DatabaseUrl: [
        "hunter2",
        "mysql://u:hunter2@h/n",
        "u:hunter2@h/n",
        "postgres://u:hunter2@h",
        "postgres://u:hunter2@h/",
        "postgres://u:hunter2/x@h/n",
        "postgres://u:hunter2#x@h/n",
        "postgres://u:hunter2@h:port/n",
        "postgres://u:hunter2@h:0/n",
        "postgres://u:hunter2@h:99999/n",
        "postgres://u:hunter2@h/n?colour=blue",
        "postgres://u:hunter2@h/n?sslmode=verify-ful",
        "postgres://u:hunter2@h/n?target_session_attrs=writable",
        "postgres://u:hunter2@h/n?connect_timeout=5s",
        "postgres://u:hunter2@h/n?connect_timeout=-1",
        "postgres://u:hunter2@h/n?keepalives=on",
        "sqlite://",
        "sqlite://:memory:",
        "sqlite:///relative.sqlite3",
        "sqlite://host//var/x.sqlite3",
        "$DATABASE",
    ],
    redis.RedisUrl: [
        "localhost:6379",
        "localhost",
        "http://:hunter2@h",
        "redis://",
        "redis://:hunter2@h/zero",
        "redis://:hunter2@h:0",
        "redis://:hunter2/x@h",
        "redis://:hunter2#@h",
        "redis://:hunter2@h/0?protocol=hunter2",
        "redis://:hunter2@h/0?ssl_ca_certs=/ca",
        "rediss://:hunter2@h/0?ssl_cert_reqs=perhaps",
        "redis://h1,h2",
        "unix://",
        "unix://run/redis.sock",
        "unix:///run/redis.sock?db=x",
    ],
    urls.EmailUrl: [
        "hunter2@h",
        "mail.example.com",
        "imap://u:hunter2@h",
        "smtp://",
        "smtp://u:hunter2@h:port",
        "smtp://u:hunter2@h:0",
        "smtp://u:hunter2@h/path",
        "smtp://u:hunter2@h?timeout=5",
        "smtp://u:hunter2/x@h",
        "filemail://",
        "filemail:///relative",
        "filemail://var/mail",
        "$EMAIL",
    ],
}

# What only one variable of its kind refuses, or takes otherwise.
REFUSED_BY_NAME = {"REMINDER_INTERVAL": ["0", "0m", "2d"], "SCIM_PAGE_SIZE": ["0"], "SCIM_PAGE_SIZE_MAX": ["0"]}

VARIABLES = list(Environment.variables())


def refused(variable: kinds.Variable[Any]) -> list[str]:
    return REFUSED[type(variable)] + REFUSED_BY_NAME.get(variable.name, [])


def rounds(texts: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """Return the first of each variable's, then the second, and so on."""
    return [
        {name: text for name, text in zip(texts, values, strict=True) if text is not None}
        for values in zip_longest(*texts.values())
    ]


def start(code: str, environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """Run Python with nothing but `environment`, whatever is in it."""
    return subprocess.run(
        [sys.executable, "-X", "utf8", "-c", code],
        cwd=ROOT,
        env={os.fsencode("PATH"): os.fsencode(os.environ["PATH"])}
        | {name.encode(): text.encode("utf-8", "surrogateescape") for name, text in environment.items()},
        capture_output=True,
        text=True,
        timeout=60,
    )


def taken(variable: kinds.Variable[Any]) -> list[Any]:
    return TAKEN[type(variable)]


# Prints what each variable has been read as.
READ = """
import json
from torii_settings.settings import env
print(json.dumps({name: repr(value) for name, value in env.values.items()}))
"""


@pytest.mark.parametrize("cases", rounds({v.name: taken(v) for v in VARIABLES if v.name != "DEMO"}), ids=len)
def test_a_value_is_taken_as_meant(cases: dict[str, tuple[str, Any]]):
    texts = {name: text for name, (text, _) in cases.items()}
    done = start(READ, PRODUCTION | texts)
    assert done.stderr == ""
    read = json.loads(done.stdout)
    assert {name: read[name] for name in cases} == {name: repr(value) for name, (_, value) in cases.items()}


@pytest.mark.parametrize("texts", rounds({v.name: refused(v) for v in VARIABLES}), ids=lambda texts: f"{len(texts)}")
def test_a_value_that_is_not_right_is_refused_in_a_sentence(texts: dict[str, str]):
    done = start("import torii_settings.settings", PRODUCTION | texts)
    lines = done.stderr.splitlines()
    assert done.returncode == 1
    assert "hunter2" not in done.stderr
    assert [line.split()[0] for line in lines] == [variable.name for variable in VARIABLES if variable.name in texts]
    for line in lines:
        variable = getattr(Environment, line.split()[0])
        assert line.isprintable()
        assert re.fullmatch(rf"{variable.name} holds .+; it must be {re.escape(variable.right)}\.", line)


@pytest.mark.parametrize("variable", VARIABLES, ids=lambda variable: variable.name)
def test_a_url_in_a_variable_that_takes_none_is_not_told_with_its_password(
    variable: kinds.Variable[Any], tmp_path: Path
) -> None:
    for text in ("https://u:hunter2@settings.example", "settings.example,https://u:hunter@2@h"):
        with pytest.raises(Refused) as refusal:
            Environment({variable.name: text}, tmp_path)
        assert "hunter" not in str(refusal.value)
