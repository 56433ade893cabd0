"""One trace from the checkout to its commit, where it is switched on; elsewhere nothing at all."""

import subprocess
import sys
from pathlib import Path

import pytest
from buyer import calling
from collector import attributes, collecting
from kept_shop import keeping_shop
from shop import settings_for
from waiting import until

from doorbuster import tracing
from doorbuster.faults import SettingsError
from doorbuster.settings import Settings

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = "00f067aa0ba902b7"
CHECKOUT = {"lines": [{"sku": "LAMP-1", "quantity": 1}]}


async def test_a_checkout_and_its_commit_are_in_the_trace_of_the_caller(
    redis_url: str, database_url: str, tmp_path: Path
) -> None:
    settings = settings_for(redis_url, database_url, tmp_path)
    with collecting() as collector:
        settings |= {"DOORBUSTER_TRACE_URL": collector.url, "DOORBUSTER_TRACE_RATIO": "1"}
        async with keeping_shop(settings, tmp_path) as shop:
            sale = await shop.sell()
            path, token = f"/v1/sales/{sale}/checkout", shop.token("ada")
            async with calling(shop.address) as line:
                for flags in ("01", "00"):  # the second one is not to be traced
                    bought = await line.send(
                        "POST",
                        path,
                        token=token,
                        body=CHECKOUT,
                        headers={"traceparent": f"00-{TRACE}-{CALLER}-{flags}"},
                    )
                    assert bought.status == 201
                refused = await line.send("POST", path, token="wrong", body=CHECKOUT)
            await shop.audited(sale)  # both are committed
        # What had not been sent was sent as they stopped.
        await until(lambda: len(collector.spans) >= 3, seconds=5)
    assert not shop.faults()
    (commit,) = collector.of("doorbuster-reconciler")
    checkout, other = collector.of("doorbuster-gateway")
    assert {checkout.trace_id.hex(), commit.trace_id.hex()} == {TRACE}
    assert checkout.parent_span_id.hex() == CALLER
    assert commit.parent_span_id == checkout.span_id
    assert checkout.start_time_unix_nano < commit.end_time_unix_nano
    assert attributes(checkout)["http.response.status_code"] == 201
    assert attributes(commit)["doorbuster.sale"] == attributes(checkout)["doorbuster.sale"] == sale
    first = attributes(checkout)["doorbuster.reservation"]
    assert attributes(commit)["doorbuster.reservation"] == str(first).replace("-", "")
    assert other.parent_span_id == b""
    assert attributes(other)["http.response.status_code"] == refused.status == 401
    assert attributes(other)["doorbuster.request"] == refused.headers["x-request-id"]
    assert token not in str(collector.spans)


def test_callers_cannot_have_more_traced_than_the_share() -> None:
    """Anybody may call, and say that they want to be traced."""
    settings = Settings(trace_url="http://127.0.0.1:1/v1/traces", trace_ratio=0)
    with tracing.traced_checkouts(settings) as trace:
        scope = {
            "method": "POST",
            "path_params": {"sale_id": "friday"},
            "headers": [(b"traceparent", f"00-{TRACE}-{CALLER}-01".encode())],
        }
        span = trace(None)._begin(scope)
    assert not span.is_recording()
    assert span.get_span_context().trace_id == int(TRACE, 16)


# redis-py looks by itself whether OpenTelemetry is there, so only what is ours tells.
OFF = """
import sys
from doorbuster import gateway_process, tracing
from doorbuster.settings import Settings
import reconciler.service
for traced in (tracing.traced_checkouts, tracing.traced_commits):
    with traced(Settings()) as nothing:
        assert nothing is None
ours = ("gateway.tracing", "reconciler.tracing", "opentelemetry.exporter")
assert not [name for name in sys.modules if name.startswith(ours)]
"""


def test_nothing_of_it_is_loaded_where_it_is_off() -> None:
    subprocess.run([sys.executable, "-c", OFF], check=True, timeout=60)


def test_whoever_wants_it_and_has_not_installed_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace.sampling", None)
    settings = Settings(trace_url="http://127.0.0.1:1/v1/traces")
    for traced in (tracing.traced_checkouts, tracing.traced_commits):
        with pytest.raises(SettingsError, match="pip install 'doorbuster"), traced(settings):
            pass


def test_a_collector_that_is_away_holds_nobody_up() -> None:
    settings = Settings(trace_url="http://127.0.0.1:1/v1/traces", trace_ratio=1)
    with tracing.traced_checkouts(settings) as trace:
        assert trace is not None
        trace(None)._tracer.start_span("checkout").end()
