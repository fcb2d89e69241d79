"""wrk as the client: it takes the least of the two cores that server and database have to share with it."""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.outcome import Outcome
from benchmarks.request import first_number

SCRIPT = Path(__file__).with_name("client.lua")
TIMEOUT = 30


def is_installed() -> bool:
    """Whether there is a wrk."""
    return shutil.which("wrk") is not None


def drive(address: str, raws: Sequence[bytes], connections: int, seconds: float) -> Outcome:
    """Send `raws` to `address` over and over for whole `seconds`; what is under way then is forgotten."""
    with tempfile.NamedTemporaryFile(suffix=".requests") as file:
        file.writelines(b"%d\n%b" % (len(raw), raw) for raw in raws)
        file.flush()
        command = ["wrk", "-t1", f"-c{connections}", f"-d{round(seconds)}s", "--timeout", f"{TIMEOUT}s"]
        command += ["-s", str(SCRIPT), address, "--", file.name, str(first_number())]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return Outcome(**json.loads(output.rpartition("RESULT ")[2]))
