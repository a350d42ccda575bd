"""Settings: which source wins, and how a mistake is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from meydan.errors import BadSettings
from meydan.settings import Settings, load_settings


def test_the_later_source_wins(tmp_path: Path) -> None:
    """If file, environment and command line say different things, then the command line wins, then the environment."""
    file = tmp_path / "settings.toml"
    file.write_text('port = 1001\nhost = "10.0.0.1"\nlongest_text = 10\ntrusted_proxies = ["10.0.0.0/8"]\n')
    loaded = load_settings(
        file,
        environment={"MEYDAN_PORT": "1002", "MEYDAN_HOST": "10.0.0.2"},
        given={"port": 1003, "host": None},
    )
    assert (loaded.port, loaded.host, loaded.longest_text) == (1003, "10.0.0.2", 10)
    assert loaded.trusted_proxies == ("10.0.0.0/8",)


def test_the_file_may_be_named_in_the_environment(tmp_path: Path) -> None:
    """If MEYDAN_SETTINGS names a file, then it is read."""
    file = tmp_path / "settings.toml"
    file.write_text("port = 1001\n")
    assert load_settings(environment={"MEYDAN_SETTINGS": str(file)}).port == 1001


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("prot = 8080", "prot"),
        ('port = "eighty"', "port"),
        ("port = true", "port"),
        ("port = 70000", "port"),
        ("longest_text = 0", "longest_text"),
        ('time_zone = "Europe/../Baghdad"', "time_zone"),
        ('time_zone = "Middle-earth"', "time_zone"),
        ("host = 5", "host"),
        ('public_url = "comments.example"', "public_url"),
        ('public_url = "https://comments.example/path"', "public_url"),
        ("port = ", "TOML"),
        ('trusted_proxies = ["foo"]', "trusted_proxies"),
        ("address_days = 99999999", "address_days"),
        ("session_hours = 99999999999999", "session_hours"),
        ("pause_after_minutes = 5256001", "pause_after_minutes"),
        ('data = "~no-such-user/meydan"', "data"),
        ('guidelines = "~no-such-user/guidelines.toml"', "guidelines"),
        ('data = "meydan\\u0000data"', "data"),
        ('mail_server = "smtps://mail.example?ca=~no-such-user/ca.pem"', "mail_server"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, content: str, named: str) -> None:
    """If a setting is unknown, of the wrong type or out of range, then the error names it."""
    file = tmp_path / "settings.toml"
    file.write_text(content)
    with pytest.raises(BadSettings, match=named):
        load_settings(file, environment={})


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    """If the settings file is named and not there, then nothing starts on defaults."""
    with pytest.raises(BadSettings):
        load_settings(tmp_path / "none.toml", environment={})


def test_the_secret_is_never_printed() -> None:
    """If settings are printed, then the secret is not among them."""
    assert "hush" not in repr(Settings(secret="hush" * 10))


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ({"port": 9000}, "http://127.0.0.1:9000"),
        ({"host": "::1", "port": 9000}, "http://[::1]:9000"),
        ({"public_url": "https://comments.example/"}, "https://comments.example"),
    ],
)
def test_the_own_url(given: dict[str, object], url: str) -> None:
    """If no public URL is set, then the server's own address stands for it."""
    assert load_settings(environment={}, given=given).own_url == url


def test_corals_secrets_may_be_several(tmp_path: Path) -> None:
    """If Coral signs with two secrets, then both can be set, in the file or in the environment; one that is too short is refused unread."""
    old, new = "ssec_an-old-one-of-corals", "ssec_a-new-one-of-corals"
    file = tmp_path / "settings.toml"
    file.write_text(f'coral_secrets = ["{old}", "{new}"]\n')
    assert load_settings(file, environment={}).coral_secrets == (old, new)
    assert load_settings(environment={"MEYDAN_CORAL_SECRETS": f"{old}, {new}"}).coral_secrets == (old, new)
    with pytest.raises(BadSettings) as refused:
        load_settings(environment={"MEYDAN_CORAL_SECRETS": f"{old},too-short"})
    assert refused.value.fields == ("coral_secrets",)
    assert "too-short" not in refused.value.message
