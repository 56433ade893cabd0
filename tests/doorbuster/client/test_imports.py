"""A shop that only calls a gateway needs none of its servers."""

import subprocess
import sys


def test_the_client_imports_no_server() -> None:
    servers = "starlette uvicorn redis asyncpg gateway lua sql reconciler doorbuster.settings"
    code = f"import sys, doorbuster.client; sys.exit(str(sys.modules.keys() & {servers.split()}))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert told.stderr.strip() == "set()"
