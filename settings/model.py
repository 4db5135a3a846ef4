"""One `Settings`: every knob of the product, from the environment (`LAKE_…`) or a `.env` file.

Belongs here: names, types, defaults and the reason of each knob. The environment is read here and nowhere else.
Does not: secrets. Cloud credentials come from `DefaultAzureCredential`; the connection strings below are for the
local endpoints, whose keys are public.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from settings.gateway import Gateway
from settings.warm import Warm

LOW_LATENCY_FLUSH_SECONDS = 1.0
Environment = Literal["local", "dev", "staging", "prod"]


class EventHubs(BaseModel):
    """Where telemetry comes from (`LAKE_EVENT_HUBS__…`)."""

    namespace: str = "local"
    """Name of the namespace; part of the fence's app id, so it must not change with an address."""
    fully_qualified_namespace: str | None = None
    """`<name>.servicebus.windows.net`; used with DefaultAzureCredential."""
    connection_string: SecretStr | None = None
    """Of a local endpoint or emulator; wins over `fully_qualified_namespace`."""
    hub: str = "telemetry"
    consumer_group: str = "$Default"
    transport: Literal["amqp", "kafka"] = "amqp"
    """How a worker reads the hub; another one than wrote Bronze needs `lakehouse ingest adopt-transport`."""
    kafka_servers: str | None = None
    """`host:port` of the Kafka endpoint; empty: the namespace's own, port 9093 (an emulator's: 9092)."""
    kafka_plaintext: bool = False
    """Whether `kafka_servers` speak neither TLS nor SASL: a broker on this machine, nothing else."""
    epoch: int = Field(default=0, ge=0)
    """Raised when the hub is re-created or failed over and its sequence numbers begin again."""
    prefetch: int = Field(default=3000, ge=300)
    owner_level: int | None = Field(default=None, ge=0)
    """Who reads a partition of this consumer group with a level displaces readers of the same, a lower or no level.
    Unset: 0 where partitions are shared through `LAKE_BRONZE__OWNERSHIP`, else none."""


class BronzeWorker(BaseModel):
    """When a flush becomes a commit, and how workers share a hub (`LAKE_BRONZE__…`).

    A flush takes everything that waits, of all partitions. It is due, in this order of precedence, as soon as
    (1) a receiver finds the buffer full (`buffer_bytes`), whatever the others say; (2) `flush_bytes` or (3)
    `flush_rows` wait; (4) the oldest event has waited `flush_seconds`. The first that is true counts.
    `flush_seconds` is what you set, else what `latency` says.
    """

    latency: Literal["normal", "low"] = "normal"
    """`low`: a commit a second, so that events are in Bronze within two; five times the commits of `normal`."""
    flush_seconds: float = Field(default=5.0, gt=0, le=60)
    flush_rows: int = Field(default=100_000, ge=1)
    flush_bytes: int = Field(default=64 * 2**20, ge=1)
    buffer_bytes: int = Field(default=256 * 2**20, ge=1)
    """Reading stops while this much waits for a commit; the broker keeps the rest. One event may be larger."""
    store_patience_seconds: float = Field(default=300.0, gt=0)
    """The worker ends, non-zero, where the lake takes no commit for so long; started again it reads on."""
    silence_seconds: float = Field(default=60.0, gt=0)
    """A partition that is behind and delivers nothing for so long is connected again; after the second time the
    worker ends, non-zero, to be started again."""
    ownership: str = ""
    """Where several workers share the partitions: a folder (workers of one machine), or a blob container
    `https://<account>.blob.core.windows.net/<container>`. Empty: this worker reads all."""
    worker: str = ""
    """Name of this worker in logs and claims; empty: the host's. Process number and a random part are added."""
    renew_seconds: float = Field(default=3.0, gt=0)
    """Between looks at who owns what."""
    expiry_seconds: float = Field(default=12.0, gt=0)
    """A worker whose claim was not renewed for so long, by the clock of who looks, is dead: others take over."""

    @model_validator(mode="after")
    def _consistent(self) -> BronzeWorker:
        if self.latency == "low" and "flush_seconds" not in self.model_fields_set:
            self.flush_seconds = LOW_LATENCY_FLUSH_SECONDS
        if self.expiry_seconds < 2 * self.renew_seconds:
            raise ValueError(
                f"LAKE_BRONZE__EXPIRY_SECONDS={self.expiry_seconds} is less than twice LAKE_BRONZE__RENEW_SECONDS="
                f"{self.renew_seconds}: a worker that misses one renewal would lose its partitions"
            )
        return self


class Operations(BaseModel):
    """How a worker is watched (`LAKE_OPERATIONS__…`). Telemetry follows the standard `OTEL_…` variables."""

    card_seconds: float = Field(default=15.0, gt=0, le=3600)
    """How often the worker writes its card, from which `lakehouse status` knows it."""
    health_port: int | None = Field(default=None, ge=0, le=65535)
    """Port of `/healthz`, `/readyz` and `/metrics`; 0 takes a free one, unset serves none."""
    health_host: str = "127.0.0.1"
    """Where it listens; a container that is probed from outside needs its own address here."""
    stall_seconds: float = Field(default=300.0, gt=0)
    """Without a sign of life from the worker's loop for so long, `/healthz` says no."""


class Silver(BaseModel):
    """How much one batch takes (`LAKE_SILVER__…`)."""

    batch_events: int = Field(default=1_000_000, ge=1)
    decode_events: int = Field(default=100_000, ge=1)
    """Events decoded at a time: memory follows this, not the batch."""
    memory_limit: str = "2GB"
    """DuckDB's share; beyond it, it spills to disk."""
    candidate_bytes: int = Field(default=2**30, ge=0)
    """Decoded readings of a batch that stay in memory; what is more lies in files meanwhile."""
    quarantine_alert_share: float = Field(default=0.05, gt=0, le=1)
    """A mapping that rejects this share of its rows calls a person, unless its spec says `alert_share`."""
    quarantine_alert_rows: int = Field(default=20, ge=1)
    """Fewer rejected rows than this call nobody, whatever their share."""
    quarantine_alert_batches: int = Field(default=10, ge=1)
    """Batches, the newest, over which the share is taken."""


Principal = Annotated[str, Field(pattern=r"^(aaduser|aadgroup|aadapp)=[^'\"\s=]+$")]
"""Somebody of Microsoft Entra, as Azure Data Explorer names them."""


class Kusto(BaseModel):
    """Azure Data Explorer (`LAKE_KUSTO__…`)."""

    uri: str = ""
    database: str = "telemetry"
    ingest_timeout_seconds: float = 600
    admins: tuple[Principal, ...] = ()
    """Who may change the database: `aadgroup=<id>;<tenant>`, `aadapp=…` or `aaduser=…`. None is given by default."""
    ingestors: tuple[Principal, ...] = ()
    """Who may ingest."""
    viewers: tuple[Principal, ...] = ()
    """Who may query."""
    partitions: int = Field(default=0, ge=0, le=2048)
    """Hash partitions of the source tables by device; 0 for none. Worth it from some 10,000 devices on; then 128."""


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
    landing: str = ""
    """Root of the landing folder, where files of reference entities are put, by feed: a path or `abfss://…`. Empty:
    `<home>/landing`, or `landing` beside the lake where `root` is set."""
    landing_settle_seconds: float = Field(default=5.0, ge=0)
    """A file is taken over when nobody has written to it for so long."""
    landing_file_mb: int = Field(default=256, ge=1)
    """Largest file that is read, gzip undone; a larger one is kept in Bronze and refused in Silver."""
    entity_specs: Path | None = None
    """Folder of entity mapping specs; empty: those that come with the product."""

    event_hubs: EventHubs = EventHubs()
    bronze: BronzeWorker = BronzeWorker()
    operations: Operations = Operations()
    silver: Silver = Silver()
    kusto: Kusto = Kusto()
    gateway: Gateway = Gateway()
    warm: Warm = Warm()

    @model_validator(mode="after")
    def _no_sql_login_in_azure(self) -> Settings:
        if self.warm.user and self.environment != "local":
            raise ValueError(
                f"LAKE_WARM__USER is a SQL login, which LAKE_ENVIRONMENT={self.environment} does not take: "
                "leave it empty, and the warm tier is reached with Microsoft Entra"
            )
        return self

    @property
    def lake_root(self) -> str:
        """The root as Delta takes it, without a trailing slash."""
        return (self.root or str((self.home / "lake").absolute())).rstrip("/")

    @property
    def landing_root(self) -> str:
        """The landing folder, without a trailing slash."""
        if not self.root:
            beside = str(self.home.absolute())
        else:
            scheme, mark, place = self.root.rstrip("/").rpartition("://")
            # A lake that is a whole container has nothing beside it: the folder then lies within.
            beside = scheme + mark + (place.rpartition("/")[0] or place)
        return (self.landing or f"{beside}/landing").rstrip("/")

    @property
    def spill(self) -> Path:
        """Where a batch puts what its memory does not hold; empty when none is at work."""
        return self.home.absolute() / "spill"

    @property
    def warm_database(self) -> Path:
        """The published DuckDB file; it is built beside it and renamed."""
        return self.home.absolute() / "warm" / "warm.duckdb"
