"""Throwaway servers for the tests: `python -m tests.services COMMAND…` runs COMMAND beside PostgreSQL and Redis.

Both listen on free ports of the loopback interface and keep what they have in a temporary directory. COMMAND finds
them in DATABASE_URL and REDIS_URL. When it ends, or this process is told to, they are stopped and removed; the exit
code is COMMAND's. Servers that the machine already runs are neither used nor touched.
"""

import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn
from urllib.parse import unquote, urlsplit

STARTUP_SECONDS = 90
GRACE_SECONDS = 10
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

# A crash may lose everything, so nothing waits for the disk.
POSTGRES_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_preload_libraries": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
}


SCALE = Path(__file__).resolve().parents[1] / "docs" / "scale.md"

# PgBouncer carries prepared statements from connection to connection from this version on.
PGBOUNCER_PREPARES = (1, 21)


def main(command: list[str]) -> int:
    if not command:
        sys.exit("usage: python -m tests.services COMMAND…")
    for signum in ENDING_SIGNALS:
        signal.signal(signum, leave)
    with postgres_server() as database_url, redis_server() as redis_url:
        return run(command, os.environ | {"DATABASE_URL": database_url, "REDIS_URL": redis_url})


def leave(signum: int, frame: FrameType | None) -> NoReturn:
    """Unwind through every `with` block; an impatient second signal must not leave a server behind."""
    for other in ENDING_SIGNALS:
        signal.signal(other, signal.SIG_IGN)
    raise SystemExit(128 + signum)


def run(command: list[str], environment: dict[str, str]) -> int:
    """Run `command` to its end and return its exit code, as a shell would tell it."""
    process = subprocess.Popen(command, env=environment)
    try:
        code = process.wait()
    except SystemExit as leaving:
        # The terminal has sent Ctrl-C to the command as well, which may want to sum up before it goes.
        if leaving.code == 128 + signal.SIGINT:
            ends_in_time(process)
        stop(process, signal.SIGTERM)
        raise
    return code if code >= 0 else 128 - code


@contextmanager
def postgres_server() -> Iterator[str]:
    """Run an empty PostgreSQL with a database `torii`, and yield its URL."""
    with postgres() as server:
        yield server.url


@contextmanager
def redis_server() -> Iterator[str]:
    """Run an empty Redis, and yield its URL, which names no database: tests/settings.py gives each worker its own."""
    with redis() as server:
        yield server.url


@dataclass
class Server:
    """A server that can be stopped and started again, with the same data on the same port."""

    url: str
    command: list[str]
    directory: Path
    stop_signal: signal.Signals
    is_ready: Callable[[], bool]
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Start it and wait until it answers; raise if it doesn't."""
        self.process = started(self.command, self.directory)
        wait_until(self.is_ready, self.process, self.directory)

    def hang(self) -> None:
        """Freeze it: it accepts connections and says nothing."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Thaw it."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """Stop it, if it runs."""
        process, self.process = self.process, None
        if process is not None:
            stop(process, self.stop_signal)


@contextmanager
def postgres(**settings: str) -> Iterator[Server]:
    """Run an empty PostgreSQL with a database `torii`; `settings` go beside those of all tests."""
    password = secrets.token_urlsafe(16)
    with tempfile.TemporaryDirectory(prefix="torii-postgres-") as name:
        directory = Path(name)
        make_cluster(directory, password)
        port = free_port()
        command = [postgres_binary("postgres"), "-D", str(directory / "data"), f"-p{port}"]
        command += [f"-c{setting}={value}" for setting, value in (POSTGRES_SETTINGS | settings).items()]
        address = ["-h127.0.0.1", f"-p{port}"]
        # To PostgreSQL SIGINT means: close the connections that are open, then stop.
        server = Server(
            f"postgres://postgres:{password}@127.0.0.1:{port}/torii",
            unprivileged(command),
            directory,
            signal.SIGINT,
            lambda: succeeds([postgres_binary("pg_isready"), "-q", *address]),
        )
        with kept_running(server):
            environment = os.environ | {"PGPASSWORD": password}
            subprocess.run([postgres_binary("createdb"), *address, "-Upostgres", "torii"], env=environment, check=True)
            yield server


@contextmanager
def redis() -> Iterator[Server]:
    """Run an empty Redis, which forgets everything when it is stopped."""
    with tempfile.TemporaryDirectory(prefix="torii-redis-") as name:
        port = free_port()
        command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--dir", name, "--save", ""]
        url = f"redis://127.0.0.1:{port}"
        with kept_running(
            Server(url, command, Path(name), signal.SIGTERM, lambda: accepts_connections(port))
        ) as server:
            yield server


@contextmanager
def pgbouncer(database_url: str, *, pool_size: int) -> Iterator[str]:
    """Run PgBouncer, which lends `pool_size` connections a transaction at a time; yield the database's URL there."""
    address = urlsplit(database_url)
    user, password = unquote(address.username or ""), unquote(address.password or "")
    with tempfile.TemporaryDirectory(prefix="torii-pgbouncer-") as name:
        directory, port = Path(name), free_port()
        settings = {
            "listen_addr": "127.0.0.1",
            "listen_port": port,
            "unix_socket_dir": "",
            "auth_type": "scram-sha-256",
            "auth_file": directory / "users",
            "admin_users": user,
            "default_pool_size": pool_size,
        }
        lines = [f"{setting} = {value}" for setting, value in settings.items()]
        server = f"* = host={address.hostname} port={address.port}"
        files = {
            "users": f'"{user}" "{password}"',
            # What comes later wins.
            "pgbouncer.ini": "\n".join(["[databases]", server, pgbouncer_fragment(), *lines]),
        }
        make_files(directory, files)
        command = unprivileged([pgbouncer_binary(), str(directory / "pgbouncer.ini")])
        with running(command, directory, signal.SIGTERM) as process:
            wait_until(lambda: accepts_connections(port), process, directory)
            userinfo = address.netloc.rpartition("@")[0]
            yield address._replace(netloc=f"{userinfo}@127.0.0.1:{port}").geturl()


def pgbouncer_fragment() -> str:
    """Return the part of pgbouncer.ini that docs/scale.md recommends, without what this PgBouncer is too old for."""
    (fragment,) = re.findall(r"```ini\n(\[pgbouncer\]\n.*?)```", SCALE.read_text(), re.DOTALL)
    if pgbouncer_version() < PGBOUNCER_PREPARES:
        return re.sub(r"^max_prepared_statements.*$", "", fragment, flags=re.MULTILINE)
    return fragment


@contextmanager
def nginx(configuration: str) -> Iterator[None]:
    """Run nginx with what a file in its conf.d would say, all that it writes going to a temporary directory."""
    with tempfile.TemporaryDirectory(prefix="torii-nginx-") as name:
        directory = Path(name)
        bodies = [f"{each}_temp_path {name}/{each};" for each in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")]
        lines = ["daemon off;", f"pid {name}/pid;", "error_log stderr;", "events {}"]
        lines += ["http {", "access_log off;", *bodies, configuration, "}"]
        make_files(directory, {"nginx.conf": "\n".join(lines)})
        port = int(re.findall(r"listen 127\.0\.0\.1:(\d+)", configuration)[0])
        command = unprivileged([nginx_binary(), "-p", name, "-c", f"{name}/nginx.conf", "-e", "stderr"])
        with running(command, directory, signal.SIGTERM) as process:
            wait_until(lambda: accepts_connections(port), process, directory)
            yield


def nginx_binary() -> str:
    """Find nginx, which Debian keeps where only root's PATH leads."""
    return shutil.which("nginx") or "/usr/sbin/nginx"


def pgbouncer_binary() -> str:
    """Find PgBouncer, which Debian keeps where only root's PATH leads."""
    return shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"


def pgbouncer_version() -> tuple[int, ...]:
    """Return major and minor version of PgBouncer."""
    said = subprocess.run([pgbouncer_binary(), "--version"], check=True, capture_output=True, text=True).stdout
    return tuple(int(number) for number in re.findall(r"\d+", said)[:2])


@contextmanager
def kept_running(server: Server) -> Iterator[Server]:
    """Start `server`, and stop it when the block ends."""
    try:
        server.start()
        yield server
    finally:
        server.stop()


def make_cluster(directory: Path, password: str) -> None:
    """Make an empty cluster in `directory`/data, all of it owned by whoever will run the server."""
    make_files(directory, {"password": password})
    command = [postgres_binary("initdb"), "-D", str(directory / "data"), "--locale=C.UTF-8", "--encoding=UTF8"]
    # A superuser can run programs as the server's user, so being on this machine is not enough to be let in.
    command += ["--no-sync", "--username=postgres", "--auth=scram-sha-256", f"--pwfile={directory / 'password'}"]
    with running(unprivileged(command), directory, signal.SIGTERM) as process:
        if process.wait() != 0:
            raise failed_to_start(directory)


def make_files(directory: Path, files: dict[str, str]) -> None:
    """Write `files`, by name, into `directory`, all of it readable for whoever will run the server and nobody else."""
    for name, text in files.items():
        path = directory / name
        path.touch(mode=0o600)
        path.write_text(text)
    if account := unprivileged_account():
        for path in (directory, *(directory / name for name in files)):
            shutil.chown(path, account.pw_uid, account.pw_gid)


def postgres_binary(name: str) -> str:
    """Find a program of the newest PostgreSQL: Debian keeps the server's outside PATH."""
    found = Path("/usr/lib/postgresql").glob(f"*/bin/{name}")
    return str(max(found, key=lambda path: float(path.parts[-3]), default=name))


def unprivileged(command: list[str]) -> list[str]:
    """Let `command` run as someone else where we are root, whom PostgreSQL refuses."""
    account = unprivileged_account()
    if account is None:
        return command
    return ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups", "--", *command]


def unprivileged_account() -> pwd.struct_passwd | None:
    if os.geteuid() != 0:
        return None
    accounts = {account.pw_name: account for account in pwd.getpwall()}
    return accounts.get("postgres") or accounts["nobody"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def running(command: list[str], directory: Path, stop_signal: signal.Signals) -> Iterator["subprocess.Popen[bytes]"]:
    """Run `command`, what it says going to `directory`/log, and stop it when the block ends."""
    process = started(command, directory)
    try:
        yield process
    finally:
        stop(process, stop_signal)


def started(command: list[str], directory: Path) -> "subprocess.Popen[bytes]":
    with (directory / "log").open("ab") as log:
        # In a session of its own it hears no Ctrl-C, and stops when whoever uses it has stopped.
        return subprocess.Popen(command, cwd=directory, stdout=log, stderr=log, start_new_session=True)


def wait_until(ready: Callable[[], bool], process: "subprocess.Popen[bytes]", directory: Path) -> None:
    """Return once the server is ready; raise if it ended or takes too long."""
    deadline = time.monotonic() + STARTUP_SECONDS
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise failed_to_start(directory)
        time.sleep(0.05)


def failed_to_start(directory: Path) -> RuntimeError:
    return RuntimeError(f"A server did not start. It said:\n{(directory / 'log').read_text()}")


def succeeds(command: list[str]) -> bool:
    return subprocess.run(command, check=False).returncode == 0


def accepts_connections(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def stop(process: "subprocess.Popen[bytes]", stop_signal: signal.Signals) -> None:
    process.send_signal(stop_signal)
    if not ends_in_time(process):
        process.kill()
        process.wait()


def ends_in_time(process: "subprocess.Popen[bytes]") -> bool:
    try:
        process.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
