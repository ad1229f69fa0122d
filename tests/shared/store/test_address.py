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
def test_url_is_parsed(url: str, address: Address) -> None:
    assert parse(url) == address


@pytest.mark.parametrize("url", [
    f"redis://:{PASSWORD}/3@127.0.0.1:6379/0", f"redis://{PASSWORD}?3@127.0.0.1:6379/0",
    f"redis://:6379/{PASSWORD}@127.0.0.1:6379/0", f"redis://:{PASSWORD}#3@127.0.0.1:6379/0",
    f"redis://:{PASSWORD}@127.0.0.1:port/0", f"redis://:{PASSWORD}@[::1:6379/0", f"redis://:{PASSWORD}@127.0.0.1:99999/0",
    f"redis://:{PASSWORD}@127.0.0.1:6379/none", f"redis://:{PASSWORD}@", "redis://",
])  # fmt: skip
def test_malformed_url_error_shows_the_format_but_not_the_url(url: str) -> None:
    with pytest.raises(ValueError, match="malformed URL; expected redis://USER") as error:
        parse(url)
    assert PASSWORD not in str(error.value)


@pytest.mark.parametrize(("url", "message"), [
    (f"valkey://:{PASSWORD}@h", "one of the schemes redis, rediss, redis.sentinel, rediss.sentinel"),
    (f"redis://:{PASSWORD}@h?ssl_ca_certs=/ca.crt", "unknown option; redis:// supports none"),
    (f"rediss://:{PASSWORD}@h?{PASSWORD}=1", "unknown option; supported: ssl_ca_certs, "),
    ("rediss://h?ssl_check_hostname=false&ssl_check_hostname=true", "duplicate option"),
    ("rediss://h?ssl_check_hostname=no", "ssl_check_hostname: expected true or false"),
    ("rediss://h?ssl_cert_reqs=optional", "ssl_cert_reqs: expected required or none"),
    ("rediss://h?ssl_ca_certs=/there/is/none", "ssl_ca_certs: No such file"),
    (f"rediss://h?ssl_ca_certs={__file__}", "ssl_ca_certs: expected valid PEM data"),
    ("rediss://h?ssl_keyfile=/client.key", "ssl_keyfile requires ssl_certfile"),
    (f"redis://:{PASSWORD}@a,b/0", "several hosts"),
    ("redis+sentinel://a,b/0", "missing service name of the Sentinels: add .service=NAME"),
])  # fmt: skip
def test_invalid_url_error_has_reason_but_no_password(url: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        parse(url)
    assert PASSWORD not in str(error.value)


def test_repr_hides_passwords() -> None:
    url = f"redis+sentinel://u:{PASSWORD}@a/0?service=ns&sentinel_password={PASSWORD}"
    assert PASSWORD not in repr(parse(url))


def test_tls_verification_can_be_disabled() -> None:
    assert parse("rediss://h?ssl_cert_reqs=none").tls == {"ssl_cert_reqs": "none", "ssl_check_hostname": False}
    assert parse("rediss://h?ssl_check_hostname=false").tls == VERIFIED | {"ssl_check_hostname": False}


def test_encrypted_key_is_rejected_without_prompt(tmp_path: Path) -> None:
    key, certificate = tmp_path / "client.key", tmp_path / "client.crt"
    encrypted = ("-keyout", key, "-passout", f"pass:{PASSWORD}")
    openssl("req", "-x509", *NEW_KEY, "-subj", "/CN=client", *encrypted, "-out", certificate)
    with pytest.raises(ValueError, match="ssl_keyfile is encrypted"):
        parse(f"rediss://h?ssl_certfile={certificate}&ssl_keyfile={key}")


def test_plus_in_passwords_is_not_decoded_as_space() -> None:
    address = parse("redis+sentinel://u:a+b@h/0?service=ns&sentinel_password=a+b%2B")
    assert (address.password, address.sentinel_password) == ("a+b", "a+b+")
