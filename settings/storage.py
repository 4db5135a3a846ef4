"""What Delta needs to reach the lake, for every place it can be.

Belongs here: `storage_options()`, the one builder of credentials for object stores.
Does not: opening tables (`lake`).
"""

from __future__ import annotations

from settings.model import Settings

AZURITE_ACCOUNT = "devstoreaccount1"


def storage_options(settings: Settings) -> dict[str, str]:
    """Options for `deltalake`; empty for a local path.

    With `storage_key` set the store is an Azurite on its default port (the emulator flag, not an explicit endpoint:
    with an explicit one the second append fails, because Azurite ignores `startFrom`). Otherwise the object store
    finds a workload identity, a managed identity or the Azure CLI's login, in the order DefaultAzureCredential does.
    """
    if "://" not in settings.lake_root:
        return {}
    if settings.storage_key is not None:
        return {
            "azure_storage_use_emulator": "true",
            "azure_storage_account_name": AZURITE_ACCOUNT,
            "azure_storage_account_key": settings.storage_key.get_secret_value(),
        }
    return {"azure_use_azure_cli": "true"} if settings.environment == "local" else {}
