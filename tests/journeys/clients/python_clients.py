"""Programs that phone home through clients from PyPI, each with a spy that writes what the client says that it sends.

`python python_clients.py NAME FILE` appends lines of JSON to the file: what came to a client's own transport, before
it was packed.
"""

import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

_HOME = {"plan": "free", "seats": 3, "ratio": 1.5, "none": None, "tags": ["a", "b"], "nested": {"deep": True}}


def say(**facts: Any) -> None:
    with open(sys.argv[2], "a", encoding="utf-8") as file:
        file.write(json.dumps({"client": sys.argv[1], **facts}) + "\n")


class SpyJson:
    """The module `json` of a client's transport: says each text that it makes."""

    def __getattr__(self, name: str) -> Any:
        return getattr(json, name)

    def dumps(self, *arguments: Any, **options: Any) -> str:
        text = json.dumps(*arguments, **options)
        say(body=text)
        return text


def posthog() -> None:
    import posthog.request
    from posthog import Posthog

    setattr(posthog.request, "json", SpyJson())
    client = Posthog("phc_abc", host="https://posthog.test", gzip=True)
    for number in range(3):
        client.capture("started", distinct_id=f"user-{number}", properties={**_HOME, "number": number})
    client.shutdown()


def segment() -> None:
    import segment.analytics.request
    from segment.analytics.client import Client

    setattr(segment.analytics.request, "json", SpyJson())
    client = Client("write-key", host="https://segment.test", gzip=True)
    client.identify("user-1", traits=_HOME)
    client.track("user-1", "started", _HOME)
    client.track("user-2", "ended")
    client.join()


def rudder() -> None:
    import rudderstack.analytics.request
    from rudderstack.analytics.client import Client

    setattr(rudderstack.analytics.request, "json", SpyJson())
    client = Client("write-key", host="https://rudder.test", gzip=True)
    client.track("user-1", "started", _HOME)
    client.page("user-1", "docs", "index")
    client.join()


def mixpanel() -> None:
    from mixpanel import Consumer, Mixpanel

    consumer = Consumer(api_host="mixpanel.test")
    post = consumer._session.post

    def saying(url: str, data: dict[str, Any], **options: Any) -> Any:
        say(form=data)
        return post(url, data=data, **options)

    setattr(consumer._session, "post", saying)
    client = Mixpanel("token", consumer=consumer)
    client.track("user-1", "started", _HOME)
    client.people_set("user-1", {"name": "nobody"})


def amplitude() -> None:
    import amplitude.worker
    from amplitude import Amplitude, BaseEvent

    post: Callable[..., Any] = amplitude.worker.HttpClient.post

    def saying(url: str, payload: bytes, header: Any = None) -> Any:
        say(body=payload.decode())
        return post(url, payload, header)

    setattr(amplitude.worker.HttpClient, "post", staticmethod(saying))
    client = Amplitude("api-key")
    client.configuration.server_url = "https://amplitude.test/2/httpapi"
    for name in ("started", "ended"):
        client.track(BaseEvent(event_type=name, user_id="user-1", device_id="device-1", event_properties=_HOME))
    client.shutdown()


def snowplow() -> None:
    from snowplow_tracker import Emitter, SelfDescribingJson, StructuredEvent, Subject, Tracker
    from snowplow_tracker.events import SelfDescribing

    class Saying(Emitter):
        def http_get(self, payload: Any) -> Any:
            say(query=payload)
            return super().http_get(payload)

        def http_post(self, data: str) -> Any:
            say(body=data)
            return super().http_post(data)

    for method in ("get", "post"):
        emitter = Saying(f"{method}.snowplow.test", protocol="https", method=method, batch_size=1)
        tracker = Tracker("tracker", emitter, app_id="app", subject=Subject().set_user_id("user-1"), encode_base64=True)
        tracker.track(StructuredEvent("shop", "add", label="a b", value=1.5))
        tracker.track(SelfDescribing(SelfDescribingJson("iglu:test/started/jsonschema/1-0-0", _HOME)))
        tracker.flush()


def opentelemetry() -> None:
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    exporter = OTLPSpanExporter("https://opentelemetry.test/v1/traces", compression=Compression.Gzip)
    export = exporter._client.export

    def saying(serialized: bytes, *arguments: Any, **options: Any) -> Any:
        fields: dict[str, list[str]] = {}
        for name, value in _numbered(ExportTraceServiceRequest.FromString(serialized), "$"):
            fields.setdefault(name, []).append(value)
        say(fields=fields)
        return export(serialized, *arguments, **options)

    setattr(exporter._client, "export", saying)
    provider = TracerProvider(resource=Resource.create({"service.name": "shop", "deployment": "blue"}))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    for name in ("outer", "inner"):
        with provider.get_tracer("ground.truth").start_as_current_span(name) as span:
            span.set_attribute("plan", "free")
            span.set_attribute("seats", 3)
    provider.shutdown()


def _numbered(message: Any, name: str) -> Iterator[tuple[str, str]]:
    """Give the values in a message by the numbers of their fields, pairs by their keys, by the vendor's own schema."""
    for field, value in message.ListFields():
        path = f"{name}.{field.number}"
        for each in value if field.is_repeated else [value]:
            if field.message_type is None:
                yield path, each.hex() if isinstance(each, bytes) else str(each)
            elif field.message_type.name == "KeyValue":
                yield f'{path}["{each.key}"]', str(getattr(each.value, each.value.WhichOneof("value")))
            elif each.ListFields():
                yield from _numbered(each, path)
            else:
                yield path, ""


def sentry() -> None:
    import sentry_sdk
    from sentry_sdk.transport import HttpTransport

    class Saying(HttpTransport):
        def _serialize_envelope(self, envelope: Any) -> Any:
            say(lines=envelope.serialize().decode().splitlines())
            return super()._serialize_envelope(envelope)

    sentry_sdk.init(dsn="https://0123456789abcdef0123456789abcdef@sentry.test/1", transport=Saying, server_name="shop")
    sentry_sdk.set_tag("plan", "free")
    try:
        raise ValueError("something broke")
    except ValueError:
        sentry_sdk.capture_exception()
    sentry_sdk.flush()


if __name__ == "__main__":
    {each.__name__: each for each in (posthog, segment, rudder, mixpanel, amplitude, snowplow, opentelemetry, sentry)}[
        sys.argv[1]
    ]()
