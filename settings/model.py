"""One `Settings`: every knob of the product, from the environment (`LAKE_…`) or a `.env` file.

Belongs here: names, types, defaults and the reason of each knob. The environment is read here and nowhere else.
Does not: secrets. Cloud credentials come from `DefaultAzureCredential`; the connection strings below are for the
local endpoints, whose keys are public.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

Environment = Literal["local", "dev", "staging", "prod"]


class EventHubs(BaseSettings):
    """Where telemetry comes from (`LAKE_EVENT_HUBS__…`)."""

    namespace: str = "local"
    """Name of the namespace; part of the fence's app id, so it must not change with an address."""
    fully_qualified_namespace: str | None = None
    """`<name>.servicebus.windows.net`; used with DefaultAzureCredential."""
    connection_string: SecretStr | None = None
    """Of a local endpoint or emulator; wins over `fully_qualified_namespace`."""
    hub: str = "telemetry"
    consumer_group: str = "$Default"
    epoch: int = Field(default=0, ge=0)
    """Raised when the hub is re-created or failed over and its sequence numbers begin again."""
    prefetch: int = Field(default=3000, ge=300)


class BronzeWorker(BaseSettings):
    """When a flush becomes a commit: whichever of the three comes first (`LAKE_BRONZE__…`)."""

    flush_seconds: float = Field(default=5.0, gt=0, le=60)
    flush_rows: int = Field(default=100_000, ge=1)
    flush_bytes: int = Field(default=64 * 2**20, ge=1)
    buffer_bytes: int = Field(default=256 * 2**20, ge=1)
    """Reading stops while this much waits for a commit."""


class Silver(BaseSettings):
    """How much one batch takes (`LAKE_SILVER__…`)."""

    batch_events: int = Field(default=1_000_000, ge=1)
    decode_events: int = Field(default=100_000, ge=1)
    """Events decoded at a time: memory follows this, not the batch."""
    memory_limit: str = "2GB"
    """DuckDB's share; beyond it, it spills to disk."""


class Kusto(BaseSettings):
    """Azure Data Explorer (`LAKE_KUSTO__…`)."""

    uri: str = ""
    database: str = "telemetry"
    ingest_timeout_seconds: float = 600


class Settings(BaseSettings):
    """Everything the product can be told."""

    model_config = SettingsConfigDict(
        env_prefix="LAKE_", env_nested_delimiter="__", env_file=".env", extra="ignore", frozen=True
    )

    environment: Environment = "local"
    home: Path = Path(".lakehouse")
    """Where a laptop keeps its lake, endpoints, warm database and logs."""
    root: str = ""
    """Root of the lake: a path, or `abfss://container@account.dfs.core.windows.net/path`. Empty: `<home>/lake`."""
    storage_key: SecretStr | None = None
    """Account key of a local Azurite; in Azure leave it empty."""
    silver_from: date = date(2024, 1, 1)
    """First enqueued hour that Dagster shows."""
    specs: Path | None = None
    """Folder of mapping specs; empty: those that come with the product."""

    event_hubs: EventHubs = EventHubs()
    bronze: BronzeWorker = BronzeWorker()
    silver: Silver = Silver()
    kusto: Kusto = Kusto()

    @property
    def lake_root(self) -> str:
        """The root as Delta takes it, without a trailing slash."""
        return (self.root or str((self.home / "lake").absolute())).rstrip("/")

    @property
    def warm_database(self) -> Path:
        """The published DuckDB file; it is built beside it and renamed."""
        return self.home.absolute() / "warm" / "warm.duckdb"
