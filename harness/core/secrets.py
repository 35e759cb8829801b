"""Tokens and keys: kept out of logs, records, reports, and processes that have no need of them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

# Whole words of a name: HF_TOKEN and APIKEY are meant, TOKENIZERS_PARALLELISM and MONKEY are not.
_NAMES = re.compile(
    r"(TOKEN|(?<![A-Z])KEY|(API|PRIVATE|ACCESS|SECRET)KEY|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL)S?(?![A-Z])"
    r"|(?<![A-Z])(PAT|AUTH|(SSH|PG|DB|MYSQL)?(PWD|PASS))(?![A-Z])",
    re.IGNORECASE,
)
# Needed by every process, whatever they hold; of PWD and the like only the name is that of a secret.
_NEEDED = frozenset({"PATH", "HOME", "PYTHONPATH", "LD_LIBRARY_PATH", "TMPDIR", "PWD", "OLDPWD", "SSH_AUTH_SOCK", "XAUTHORITY"})
_FORMS = re.compile(
    r"(?<![A-Za-z0-9])(hf_[A-Za-z0-9]{16,}|sk-[A-Za-z0-9_-]{16,}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}"
    r"|glpat-[A-Za-z0-9_-]{16,}|xox[abprs]-[A-Za-z0-9-]{10,}|AKIA[A-Z0-9]{16}|AIza[A-Za-z0-9_-]{30,})"
    r"|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"
    r"|(?<=bearer )[A-Za-z0-9._~+/=-]{8,}|(?<=bearer: )[A-Za-z0-9._~+/=-]{8,}|(?<=authorization: basic )[A-Za-z0-9+/]{8,}={0,2}"
    r"|(?<=://)[^/\s:@]*:[^/\s]+(?=@)|(?<=://)[^/\s:@?#]{8,}(?=@)|(?<=X-Amz-Signature=)[0-9a-f]{8,}",
    re.IGNORECASE,
)
_SHORTEST = 8
_BLOT = "[secret]"


def without_secrets(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that hold no token, key or password, by their names and by the form of their values.

    An address with a login in it is left out whole, that of a proxy too.

    >>> without_secrets({"HF_TOKEN": "hf_x", "TOKENIZERS_PARALLELISM": "false", "HTTPS_PROXY": "http://me:open@proxy:80"})
    {'TOKENIZERS_PARALLELISM': 'false'}
    """
    return {name: value for name, value in environ.items() if name in _NEEDED or not (is_secret_name(name) or _FORMS.search(value))}


def redact(text: str, environ: Mapping[str, str] | None = None) -> str:
    """Blot out what has the form of a token, and the values of variables that hold one.

    Values of fewer than eight characters are left: they are settings, or too short to tell from words.

    >>> redact("Authorization: Bearer abcdefghij", {})
    'Authorization: Bearer [secret]'
    """
    environ = os.environ if environ is None else environ
    values = {value for name, value in environ.items() if len(value) >= _SHORTEST and is_secret_name(name)}
    # The longest first, so that a value which holds another one goes whole.
    if values:
        known = "|".join(re.escape(value) for value in sorted(values, key=len, reverse=True))
        text = re.sub(known, _BLOT, text)
    return _FORMS.sub(_BLOT, text)


def is_secret_name(name: str) -> bool:
    """Tell whether a variable of that name is taken to hold a token, key or password.

    >>> is_secret_name("OPENAI_API_KEY"), is_secret_name("MODEL")
    (True, False)
    """
    return name.upper() not in _NEEDED and _NAMES.search(name) is not None
