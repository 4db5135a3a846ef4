from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class Telemetry(_message.Message):
    __slots__ = ("device", "time_ms", "temperature", "humidity")
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    TIME_MS_FIELD_NUMBER: _ClassVar[int]
    TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    HUMIDITY_FIELD_NUMBER: _ClassVar[int]
    device: str
    time_ms: int
    temperature: float
    humidity: float
    def __init__(self, device: _Optional[str] = ..., time_ms: _Optional[int] = ..., temperature: _Optional[float] = ..., humidity: _Optional[float] = ...) -> None: ...
