"""A wrong setting stops the start with one line that says what to mend; a right one is read."""

from pathlib import Path

import pytest
from dotenv import dotenv_values

from doorbuster import environment, settings
from doorbuster.faults import SettingsError

SAMPLE = Path(__file__).parents[2] / ".env.sample"
SECRET = "0123456789abcdef0123456789abcdef"
PEM = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----"


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in environment.ours():
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def fault_of(monkeypatch: pytest.MonkeyPatch, **variables: str) -> str:
    for name, value in variables.items():
        monkeypatch.setenv(f"DOORBUSTER_{name}", value)
    with pytest.raises(SettingsError) as caught:
        settings.load()
    return str(caught.value)


# The sample


def test_the_sample_names_every_setting_and_no_other() -> None:
    assert sorted(dotenv_values(SAMPLE)) == sorted(settings.names())


def test_the_sample_holds_the_defaults() -> None:
    defaults = settings.as_environment(settings.Settings.model_construct())
    here = f"{Path.cwd()}/"
    assert dotenv_values(SAMPLE) == {
        name: default.removeprefix(here) for name, default in defaults.items()
    }


def test_the_sample_as_env_file_changes_nothing(tmp_path: Path) -> None:
    without = settings.load()
    (tmp_path / ".env").write_text(SAMPLE.read_text())
    assert settings.load() == without


def test_each_block_of_the_sample_begins_with_its_reason() -> None:
    header, *blocks = SAMPLE.read_text().strip().split("\n\n")
    assert header.startswith("# Every setting")
    for block in blocks:
        assert block.startswith("# "), block


# What is read


def test_the_environment_wins_over_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("DOORBUSTER_PORT=9000\nDOORBUSTER_HOST=::1\n")
    monkeypatch.setenv("DOORBUSTER_PORT", "9001")
    loaded = settings.load()
    assert (loaded.host, loaded.port) == ("::1", 9001)


def test_an_empty_value_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOORBUSTER_REDIS_URL", "")
    monkeypatch.setenv("DOORBUSTER_PORT", "")
    assert settings.load() == settings.Settings.model_construct()


@pytest.mark.parametrize("name", settings.SECRETS)
def test_a_secret_can_be_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    value = {"redis_url": "redis://r", "database_url": "postgresql://p"}.get(name, SECRET)
    (tmp_path / "secret").write_text(f"{value}\n")
    monkeypatch.setenv(f"DOORBUSTER_{name.upper()}_FILE", "secret")
    assert getattr(settings.load(), name).get_secret_value() == value


def test_origins_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOORBUSTER_CORS_ORIGINS", "https://a.example, http://b.example:8080")
    assert settings.load().cors_origins == ("https://a.example", "http://b.example:8080")


def test_a_child_in_another_folder_gets_the_same_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "key").write_text(SECRET)
    monkeypatch.setenv("DOORBUSTER_TOKEN_KEY_FILE", "key")
    monkeypatch.setenv("DOORBUSTER_CORS_ORIGINS", "https://a.example,https://b.example")
    monkeypatch.setenv("DOORBUSTER_DEMO", "true")
    monkeypatch.setenv("DOORBUSTER_REDIS_URL", "unix:///run/redis.sock")
    parent = settings.load()
    for name, value in settings.as_environment(parent).items():
        monkeypatch.setenv(name, value)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    paths = {"state_dir": tmp_path / ".doorbuster", "token_key_file": tmp_path / "key"}
    assert settings.load() == parent.model_copy(update=paths)


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOORBUSTER_TOKEN_KEY", SECRET)
    assert SECRET not in repr(settings.load())


# What is refused


def test_an_unknown_name_is_refused_with_a_guess(monkeypatch: pytest.MonkeyPatch) -> None:
    assert fault_of(monkeypatch, DURABILTY="ledger") == (
        "DOORBUSTER_DURABILTY is not a setting; did you mean DOORBUSTER_DURABILITY?"
    )


def test_an_unknown_name_in_the_file_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("DOORBUSTER_XYZZY=1\n")
    assert fault_of(monkeypatch).startswith("DOORBUSTER_XYZZY is not a setting")


def test_the_names_that_kubernetes_injects_give_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    fault = fault_of(
        monkeypatch,
        PORT="tcp://10.0.0.7:8000",
        SERVICE_HOST="10.0.0.7",
        SERVICE_PORT="8000",
        SERVICE_PORT_HTTP="8000",
        PORT_8000_TCP="tcp://10.0.0.7:8000",
        PORT_8000_TCP_PROTO="tcp",
    )
    assert fault.startswith("DOORBUSTER_PORT was injected by Kubernetes")
    assert "enableServiceLinks: false" in fault
    assert "\n" not in fault


def test_each_wrong_value_has_its_line_and_none_shows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    fault = fault_of(monkeypatch, PORT="eighty", DURABILITY="hope", REDIS_URL="http://:pw@r")
    assert sorted(line.partition(":")[0] for line in fault.splitlines()) == [
        "DOORBUSTER_DURABILITY",
        "DOORBUSTER_PORT",
        "DOORBUSTER_REDIS_URL",
    ]
    assert "pw" not in fault
    assert "pydantic" not in fault


@pytest.mark.parametrize("name", settings.SECRETS)
def test_a_secret_twice_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    (tmp_path / "secret").write_text("redis://r")
    upper = name.upper()
    fault = fault_of(monkeypatch, **{upper: "redis://r", f"{upper}_FILE": "secret"})
    assert fault == f"DOORBUSTER_{upper} and DOORBUSTER_{upper}_FILE are both set; keep one of them"


def test_a_missing_secret_file_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    fault = fault_of(monkeypatch, TOKEN_KEY_FILE="/nowhere/key")
    assert fault == (
        "DOORBUSTER_TOKEN_KEY_FILE: cannot read /nowhere/key: No such file or directory"
    )


@pytest.mark.parametrize(
    ("variables", "part"),
    [
        ({"TOKEN_KEY": "short"}, "shorter than the 32 bytes"),
        ({"TOKEN_KEY": PEM}, "is a PEM key"),
        ({"TOKEN_JWKS_URL": "https://i.example/jwks"}, "needs a secret one"),
        ({"TOKEN_KEY": SECRET, "TOKEN_ALGORITHM": "ES256"}, "needs a public key in PEM"),
        ({"TOKEN_KEY": PEM, "TOKEN_ALGORITHM": "ES256", "DEMO": "1"}, "only a public one"),
        (
            {
                "TOKEN_KEY": PEM,
                "TOKEN_ALGORITHM": "RS256",
                "TOKEN_JWKS_URL": "https://i.example/jwks",
            },
            "keep one of them",
        ),
    ],
)
def test_a_key_that_does_not_fit_its_algorithm_is_refused(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], part: str
) -> None:
    fault = fault_of(monkeypatch, **variables)
    assert part in fault
    assert "\n" not in fault


@pytest.mark.parametrize("origin", ["*", "shop.example", "https://shop.example/", "https://*.e"])
def test_what_is_no_origin_is_refused(monkeypatch: pytest.MonkeyPatch, origin: str) -> None:
    assert "is not an origin" in fault_of(monkeypatch, CORS_ORIGINS=origin)
