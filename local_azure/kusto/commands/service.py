"""What the ingest client asks the service before it uploads: where to, and as whom."""

from __future__ import annotations

from local_azure.kusto.commands.context import Context, Reply, columns
from local_azure.kusto.scan import Scanner
from local_azure.kusto.storage import names


def ingestion_resources(context: Context, scanner: Scanner) -> Reply:
    """`.get ingestion resources`: containers and queues, all of them on this endpoint."""
    scanner.expect_end()
    kinds = {
        "SecuredReadyForAggregationQueue": names.READY_QUEUE,
        "FailedIngestionsQueue": names.FAILURE_QUEUE,
        "SuccessfulIngestionsQueue": names.SUCCESS_QUEUE,
        "TempStorage": names.TEMP_CONTAINER,
        # The client asks again on every call while one kind is missing; nothing is ever written here.
        "IngestionsStatusTable": names.STATUS_TABLE,
    }
    rows = [(kind, f"{context.origin}/{names.ROOT}/{name}?{names.SIGNATURE}") for kind, name in kinds.items()]
    return Reply(columns(ResourceTypeName="string", StorageRoot="string"), list(rows))


def identity_token(context: Context, scanner: Scanner) -> Reply:
    """`.get kusto identity token`: any text will do, nobody checks it here."""
    scanner.expect_end()
    return Reply(columns(AuthorizationContext="string"), [("local",)])
