"""A home and an environment with broken credentials of every source, and what of them no output may hold."""

import json
import re
from collections.abc import Callable
from pathlib import Path

KEY_ID = "AKIA5ECRE75ECRE75ECR"
KEY = "5ecre7/5ecre7+5ecre7"
TOKEN = "5ecre7token"
SECRETS = re.compile(r"5ecre7", re.IGNORECASE)
# Nobody listens there; a request is never sent anywhere else.
NOWHERE = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_EC2_METADATA_DISABLED": "true", "AWS_MAX_ATTEMPTS": "1"}
KEYS = {"AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": KEY}
WEB = {"AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/r", "AWS_ROLE_SESSION_NAME": "5ecre7"}
IDENTITY = {"Version": 1, "AccessKeyId": KEY_ID, "SecretAccessKey": KEY, "SessionToken": TOKEN}
SSO = """
[default]
sso_session = here
sso_account_id = 123456789012
sso_role_name = r
[sso-session here]
sso_region = eu-west-1
sso_start_url = https://127.0.0.1:9/start
"""
# botocore names the file after the SHA-1 of the session's name.
SSO_CACHE = ".aws/sso/cache/cfc1f4efd8a1d7ca0352e9cb59a1a9dc65af2f4f.json"

Place = Callable[[Path], dict[str, str]]


def variables(**given: str) -> Place:
    """Return a place where these variables are set."""
    return lambda home: given


def file(name: str, text: str, **given: str) -> Place:
    """Return a place that has a file in its home, and these variables."""

    def place(home: Path) -> dict[str, str]:
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
        return {variable: value.replace("HOME", str(home)) for variable, value in given.items()}

    return place


def printing(text: object) -> Place:
    """Return a place whose credential_process prints JSON."""

    def place(home: Path) -> dict[str, str]:
        (home / "said").write_text(json.dumps(text))
        (home / ".aws").mkdir(exist_ok=True)
        (home / ".aws/config").write_text(f"[default]\ncredential_process = cat {home / 'said'}\n")
        return {}

    return place


PLACES: dict[str, Place] = {
    "a line end in the key": variables(**{**KEYS, "AWS_SECRET_ACCESS_KEY": f"{KEY}\r\n"}),
    "a line end in the token": variables(**KEYS, AWS_SESSION_TOKEN=f"{TOKEN}\r"),
    "a file of credentials without a section": file(".aws/credentials", f"aws_secret_access_key = {KEY}\n"),
    "a file of credentials that is a key": file(".aws/credentials", KEY),
    "a file of credentials with a key in two lines": file(
        ".aws/credentials", f"[default]\naws_access_key_id = {KEY_ID}\naws_secret_access_key = 5ecre7\n  5ecre7\n"
    ),
    "half a profile": file(".aws/credentials", f"[default]\naws_access_key_id = {KEY_ID}\n"),
    "a profile whose source is none": file(".aws/config", "[default]\nrole_arn = arn:x\nsource_profile = none\n"),
    "a profile with an odd source": file(".aws/config", "[default]\nrole_arn = arn:x\ncredential_source = odd\n"),
    "a program that prints a list": printing([KEY]),
    "a program that prints numbers": printing({**IDENTITY, "SecretAccessKey": 5, "AccessKeyId": 7}),
    "a program that prints another version": printing({**IDENTITY, "Version": KEY}),
    "a program that prints half of it": printing({"Version": 1, "SecretAccessKey": KEY}),
    "a program that prints an odd time": printing({**IDENTITY, "Expiration": KEY}),
    "a program that prints a key with a line end": printing({**IDENTITY, "SecretAccessKey": f"{KEY}\n"}),
    "a program that fails": file(".aws/config", "[default]\ncredential_process = sh -c 'echo 5ecre7 >&2; exit 3'\n"),
    "a program that does not exist": file(".aws/config", "[default]\ncredential_process = /no/such --json\n"),
    "a program with an open quote": file(".aws/config", "[default]\ncredential_process = echo '5ecre7\n"),
    "a login of SSO that was never made": file(".aws/config", SSO),
    "a login of SSO that is no JSON": file(SSO_CACHE, KEY, AWS_CONFIG_FILE="HOME/config"),
    "a web identity without its file": variables(**WEB, AWS_WEB_IDENTITY_TOKEN_FILE="/no/such/file"),
    "a web identity that is bytes": file("web", "5ecre7\x00\n", **WEB, AWS_WEB_IDENTITY_TOKEN_FILE="HOME/web"),
    "a container of another host": variables(AWS_CONTAINER_CREDENTIALS_FULL_URI="http://user:5ecre7@example.com/x"),
    "a container's token with a line end": variables(
        AWS_CONTAINER_CREDENTIALS_FULL_URI="http://127.0.0.1:9/x", AWS_CONTAINER_AUTHORIZATION_TOKEN="5ecre7\r\n"
    ),
    "a password in the endpoint": variables(**KEYS, AWS_ENDPOINT_URL="http://user:5ecre7@127.0.0.1:9"),
    "a password in half an endpoint": variables(**KEYS, AWS_ENDPOINT_URL="http://user:5ecre7@[::1"),
    "a password in the proxy's address": variables(
        **KEYS, AWS_ENDPOINT_URL="https://aws.invalid", HTTPS_PROXY="http://user:5ecre7@127.0.0.1:9"
    ),
    "a password in half an address": variables(
        **KEYS, AWS_ENDPOINT_URL="https://aws.invalid", HTTPS_PROXY="http://user:5ecre7@[::1"
    ),
    "a region with a line end": variables(**KEYS, AWS_REGION="eu-west-1\n", AWS_ENDPOINT_URL=""),
    "a number of attempts that is a word": variables(**KEYS, AWS_MAX_ATTEMPTS="many"),
    "a retry mode that is none": variables(**KEYS, AWS_RETRY_MODE="odd"),
    "certificates that are none": variables(**KEYS, AWS_ENDPOINT_URL="https://127.0.0.1:9", AWS_CA_BUNDLE="/no/such"),
}
"""By what is wrong with them."""
