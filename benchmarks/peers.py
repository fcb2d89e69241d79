"""The service and its peers: each is loaded with the same members, then served as it is in production."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from signal import SIGKILL, SIGTERM
from tempfile import TemporaryDirectory

from benchmarks import in_memory
from benchmarks.loading import ROOT, Load, load_all, manage, new_database
from benchmarks.service.environment import APPLICATION, BASE, UNLIMITED, environment
from benchmarks.subject import FLOOR, IN_MEMORY, OURS, PLAIN, Content, Size, Subject
from tests.deployment.checkout import production_venv
from tests.deployment.readme import in_production
from tests.services import accepts_connections, free_port, running, wait_until

WORKERS = 2
# As many processes and threads as the service has by default. Left alone, granian takes hundreds of threads, each of
# which would want a connection to the database of its own.
GRANIAN = ("--interface", "wsgi", "--workers", str(WORKERS), "--blocking-threads", "2")

NAMES = (OURS, FLOOR, PLAIN, IN_MEMORY)

# It reads every row for a list, and there is no more to learn from a million.
LARGEST_PLAIN = 100_000


@contextmanager
def subjects(server: str, redis: str, sizes: Sequence[Size], say: Callable[[str], None]) -> Iterator[list[Subject]]:
    """Load and start the service and whichever peers can hold them at all `sizes`; yield them.

    The first ones start while large databases are still being loaded.
    """
    loads = [load for number, size in enumerate(sizes) for load in loads_of(server, f"{redis}/{number}", size)]
    # The service's pages name their files by what is in them.
    manage(loads[0].environment, "collectstatic", "--no-input", "--verbosity", "0")
    with ExitStack() as stack, closing(load_all(loads, say)) as loaded:
        started: list[Subject] = []
        for load, content in loaded:
            started += stack.enter_context(served(load, content))
            if load.size == in_memory.LARGEST and load.name == PLAIN:
                started.append(stack.enter_context(served_from_memory(load.size)))
        # The sizes of one stand together: they differ by less than a machine does from one second to another.
        yield sorted(started, key=lambda subject: (NAMES.index(subject.name), sizes.index(subject.size)))


def loads_of(server: str, redis: str, size: Size) -> list[Load]:
    """Return what is to be loaded for one size: the service's tables, the floor's with them, and django-scim2's."""
    suffix = f"{size.organizations}x{size.members}"
    ours = environment(new_database(server, f"ours_{suffix}"), redis) | UNLIMITED
    loads = [Load(OURS, size, "benchmarks.service.filling", ours)]
    if size.organizations == 1 and size.members <= LARGEST_PLAIN:
        url = new_database(server, f"plain_{suffix}")
        settings = {"DJANGO_SETTINGS_MODULE": "benchmarks.plain.settings", "DATABASE_URL": url}
        loads.append(Load(PLAIN, size, "benchmarks.plain.filling", settings))
    return loads


@contextmanager
def served(load: Load, content: Content) -> Iterator[list[Subject]]:
    """Serve what was loaded: the service's tables by the service and, of one organization, by the floor."""
    with ExitStack() as stack:

        def serve(name: str, application: str, base: str, content: Content) -> Subject:
            server = service(load.environment) if name == OURS else granian(application, load.environment)
            address, pid = stack.enter_context(server)
            return Subject(name, load.size, address, base, pid, content, load.environment)

        if load.name == PLAIN:
            yield [serve(PLAIN, "benchmarks.plain.wsgi:application", "/scim/v2", content)]
            return
        subjects = [serve(OURS, APPLICATION, BASE, content)]
        if load.size.organizations == 1:
            floor = replace(content, people=content.others)
            subjects.append(serve(FLOOR, "benchmarks.floor.wsgi:application", "", floor))
        yield subjects


@contextmanager
def served_from_memory(size: Size) -> Iterator[Subject]:
    """Run scim2-server and fill it."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with running_server(in_memory.command(port), {}, lambda log: accepts_connections(port)) as pid:
        yield Subject(IN_MEMORY, size, address, "", pid, in_memory.fill(address, size), {})


@contextmanager
def service(environment: dict[str, str]) -> Iterator[tuple[str, int]]:
    """Serve the service as README.md has it in production, with the packages that production has and no others.

    Yield its address and process id once it is ready.
    """
    port = free_port()
    venv = production_venv(ROOT, in_production().steps[0])
    command = [str(venv / "bin" / "python"), "-m", "torii_settings.web", "--port", str(port)]
    environment = environment | {"PYTHONPATH": str(ROOT), "WEB_WORKERS": str(WORKERS)}
    with running_server(command, environment, lambda log: log.count("Started worker-") == WORKERS) as pid:
        yield f"http://127.0.0.1:{port}", pid


@contextmanager
def granian(application: str, environment: dict[str, str]) -> Iterator[tuple[str, int]]:
    """Serve a WSGI application; yield its address and the server's process id once every worker is ready.

    Until then a worker neither takes connections nor obeys a signal to end; its log tells when it does.
    """
    port = free_port()
    command = [sys.executable, "-m", "granian", *GRANIAN, "--host", "127.0.0.1", "--port", str(port)]
    command += ["--working-dir", str(ROOT), application]
    with running_server(command, environment, lambda log: log.count("Started worker-") == WORKERS) as pid:
        yield f"http://127.0.0.1:{port}", pid


@contextmanager
def running_server(command: list[str], environment: dict[str, str], is_ready: Callable[[str], bool]) -> Iterator[int]:
    """Run a server until the block ends; yield its process id once `is_ready`, which is given its log."""
    variables = [f"{name}={value}" for name, value in environment.items()]
    with TemporaryDirectory(prefix="torii-bench-") as name:
        directory = Path(name)
        with running(["env", *variables, *command], directory, SIGTERM) as process:
            try:
                wait_until(lambda: is_ready((directory / "log").read_text()), process, directory)
            except BaseException:
                # While its workers load, granian hears no signal but this; they would survive it alone.
                os.killpg(process.pid, SIGKILL)
                raise
            yield process.pid
