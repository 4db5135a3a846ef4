"""Knobs of the warm tier: which engine holds it, and where a SQL Server is (`LAKE_WARM__…`).

Belongs here: names, types, defaults, and which of them contradict each other.
Does not: connecting (`assets.warm.sqlserver`), or the path of the DuckDB file, which lies in the home
(`settings.model`).
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator


class Warm(BaseModel):
    """The engine of the warm tier.

    A SQL Server is reached with the token of DefaultAzureCredential (managed identity, workload identity, Azure CLI),
    unless `user` names a SQL login: those are for servers on a laptop and in tests.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    engine: Literal["duckdb", "sqlserver"] = "duckdb"
    server: str = ""
    """Host name, e.g. `<name>.database.windows.net`."""
    port: int = Field(default=1433, ge=1, le=65535)
    database: str = ""
    user: str = ""
    """SQL login; empty: Microsoft Entra, which is the only way outside `LAKE_ENVIRONMENT=local`."""
    password: SecretStr | None = None
    encrypt: bool = True
    trust_cert: bool = False
    """Take a certificate nobody vouches for: a server on this machine, nothing else."""
    login_timeout_seconds: int = Field(default=30, ge=1, le=600)
    statement_timeout_seconds: int = Field(default=1800, ge=1)
    """A statement or bulk copy that runs longer is ended and the load tried again."""
    lock_seconds: float = Field(default=30.0, ge=0)
    """How long a second writer waits for the first."""
    attempts: int = Field(default=6, ge=1, le=20)
    """How often a load is begun again after a deadlock or an error that passes by itself."""
    copy_streams: int = Field(default=2, ge=1, le=16)
    """Bulk copies at a time. Each is a connection of its own."""
    columnstore: bool = True
    """Facts as clustered columnstore; compatible servers may lack it. Of dbt, like the two below."""
    query_label: bool = True
    """`option (label = …)` on dbt's statements."""
    create_or_alter: bool = True
    """`create or alter view`; without it views are dropped and created."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.engine == "sqlserver":
            missing = [f"LAKE_WARM__{name.upper()}" for name in ("server", "database") if not getattr(self, name)]
            if missing:
                raise ValueError(f"LAKE_WARM__ENGINE=sqlserver needs {' and '.join(missing)}")
        if bool(self.user) != bool(self.password):
            raise ValueError(
                "LAKE_WARM__USER and LAKE_WARM__PASSWORD go together; leave both empty for Microsoft Entra"
            )
        return self

    @property
    def switches(self) -> dict[str, bool]:
        """The variables of the dbt project that follow what the server can do."""
        return {
            "columnstore": self.columnstore,
            "query_label": self.query_label,
            "create_or_alter": self.create_or_alter,
        }
