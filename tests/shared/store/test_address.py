from pathlib import Path

import pytest

from shared.store.address import Address, parse
from tests.support.tls import NEW_KEY, openssl

PASSWORD, MARKS = "hunter2", "a/b@"
VERIFIED: dict[str, str | bool] = {"ssl_cert_reqs": "required", "ssl_check_hostname": True}


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://127.0.0.1:6379/0", Address((("127.0.0.1", 6379),))),
        ("redis://localhost", Address((("localhost", 6379),))),
        ("redis://[::1]:6380/3", Address((("::1", 6380),), database=3)),
        ("redis://:a%2Fb%40@h/", Address((("h", 6379),), password=MARKS)),
        (f"rediss://u:{PASSWORD}@h", Address((("h", 6379),), username="u", password=PASSWORD, tls=VERIFIED)),
        (
            f"redis+sentinel://u:{PASSWORD}@a,b:1,[::1]:2/4?service=ns&sentinel_username=s&sentinel_password=a%2Fb%40",
            Address(
                (("a", 26379), ("b", 1), ("::1", 2)),
                service="ns",
                database=4,
                username="u",
                password=PASSWORD,
                sentinel_username="s",
                sentinel_password=MARKS,
            ),
        ),
        ("rediss+sentinel://a?service=ns", Address((("a", 26379),), service="ns", tls=VERIFIED)),
    ],
)
def test_an_address_is_read(url: str, address: Address) -> None:
    assert parse(url) == address


@pytest.mark.parametrize("url", [
    f"redis://:{PASSWORD}/3@127.0.0.1:6379/0", f"redis://{PASSWORD}?3@127.0.0.1:6379/0",
    f"redis://:6379/{PASSWORD}@127.0.0.1:6379/0", f"redis://:{PASSWORD}#3@127.0.0.1:6379/0",
    f"redis://:{PASSWORD}@127.0.0.1:port/0", f"redis://:{PASSWORD}@[::1:6379/0", f"redis://:{PASSWORD}@127.0.0.1:99999/0",
    f"redis://:{PASSWORD}@127.0.0.1:6379/none", f"redis://:{PASSWORD}@", "redis://",
])  # fmt: skip
def test_an_address_that_makes_no_sense_is_answered_with_its_form_and_quoted_nowhere(url: str) -> None:
    with pytest.raises(ValueError, match="cannot be read as an address") as refused:
        parse(url)
    assert PASSWORD not in str(refused.value)


@pytest.mark.parametrize(("url", "said"), [
    (f"valkey://:{PASSWORD}@h", "must begin with redis://, rediss://, redis.sentinel:// or rediss.sentinel://"),
    (f"redis://:{PASSWORD}@h?ssl_ca_certs=/ca.crt", "unknown option; redis:// has none"),
    (f"rediss://:{PASSWORD}@h?{PASSWORD}=1", "unknown option; it may have ssl_ca_certs, "),
    ("rediss://h?ssl_check_hostname=false&ssl_check_hostname=true", "an option twice"),
    ("rediss://h?ssl_check_hostname=no", "ssl_check_hostname is true or false"),
    ("rediss://h?ssl_cert_reqs=optional", "ssl_cert_reqs is required, or none"),
    ("rediss://h?ssl_ca_certs=/there/is/none", "ssl_ca_certs cannot be used: No such file"),
    (f"rediss://h?ssl_ca_certs={__file__}", "ssl_ca_certs cannot be used: no PEM"),
    ("rediss://h?ssl_keyfile=/client.key", "ssl_keyfile goes with ssl_certfile"),
    (f"redis://:{PASSWORD}@a,b/0", "several hosts"),
    ("redis+sentinel://a,b/0", "what the Sentinels call the servers: .service=NAME"),
])  # fmt: skip
def test_an_address_that_is_refused_says_why_and_quotes_nothing(url: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as refused:
        parse(url)
    assert PASSWORD not in str(refused.value)


def test_no_password_shows_where_an_address_is_shown() -> None:
    url = f"redis+sentinel://u:{PASSWORD}@a/0?service=ns&sentinel_password={PASSWORD}"
    assert PASSWORD not in repr(parse(url))


def test_to_verify_nothing_has_to_be_asked_for() -> None:
    assert parse("rediss://h?ssl_cert_reqs=none").tls == {"ssl_cert_reqs": "none", "ssl_check_hostname": False}
    assert parse("rediss://h?ssl_check_hostname=false").tls == VERIFIED | {"ssl_check_hostname": False}


def test_a_key_that_is_locked_is_refused_at_once_and_nobody_is_asked_to_type(tmp_path: Path) -> None:
    key, certificate = tmp_path / "client.key", tmp_path / "client.crt"
    locked = ("-keyout", key, "-passout", f"pass:{PASSWORD}")
    openssl("req", "-x509", *NEW_KEY, "-subj", "/CN=client", *locked, "-out", certificate)
    with pytest.raises(ValueError, match="ssl_keyfile is encrypted"):
        parse(f"rediss://h?ssl_certfile={certificate}&ssl_keyfile={key}")


def test_a_plus_in_a_password_is_a_plus_wherever_it_stands() -> None:
    address = parse("redis+sentinel://u:a+b@h/0?service=ns&sentinel_password=a+b%2B")
    assert (address.password, address.sentinel_password) == ("a+b", "a+b+")
