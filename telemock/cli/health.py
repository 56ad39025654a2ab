"""This is `telemock health`: one question to a running telemock, for people and for containers.

It refuses to go through a proxy: the answer must come from the server that was named.
"""

import re
from http.client import HTTPConnection, HTTPException, HTTPSConnection, InvalidURL
from urllib.parse import SplitResult

import click

from telemock.cli.options import check_url, config_option, timeout_option, url_option
from telemock.errors import HealthError, InvalidSetting
from telemock.exchange import json_object
from telemock.text import printable

_MOST_BYTES = 65536


@click.command()
@url_option
@timeout_option("Seconds to wait for the connection, and for the answer.")
@config_option
def health(url: str, timeout: float) -> None:
    """Ask a running telemock whether it is healthy.

    Prints healthy and exits with 0, or says why not and exits with 1.
    """
    address = check_url(url)
    url = re.sub("//[^/]*@", "//", url)  # errors quote it, and a password for the proxy is not theirs to show
    status, content = _get(url, address, timeout)
    said = json_object(content)
    if status == 200 and said.get("status") == "healthy":
        click.echo("healthy")
        warnings = said.get("warnings")
        for each in warnings if isinstance(warnings, list) else ():
            click.echo(f"Warning: {printable(str(each))[:500]}", err=True)
    elif status == 200:
        raise HealthError(f"What answers at {url} is not telemock; name the right one with --url.")
    else:
        reason = str(said.get("reason") or said.get("error") or "no reason given").rstrip(".")[:500]
        raise HealthError(f"telemock at {url} is not healthy (status {status}): {reason}.")


def _get(url: str, address: SplitResult, timeout: float) -> tuple[int, bytes]:
    kind = HTTPSConnection if address.scheme == "https" else HTTPConnection
    connection = kind(str(address.hostname), address.port, timeout=timeout)
    try:
        connection.request("GET", address.path.rstrip("/") + "/health", headers={"Connection": "close"})
        response = connection.getresponse()
        return response.status, response.read(_MOST_BYTES)
    except TimeoutError as error:
        raise HealthError(f"telemock at {url} did not answer within {timeout:g} s.") from error
    except (InvalidURL, UnicodeError) as error:
        raise InvalidSetting(f"{url!r} is not a URL to ask; write it like http://127.0.0.1:8080.") from error
    except HTTPException as error:
        raise HealthError(f"What answers at {url} does not speak HTTP ({type(error).__name__}).") from error
    except OSError as error:
        raise HealthError(f"telemock at {url} cannot be reached: {error.strerror or error}.") from error
    finally:
        connection.close()
