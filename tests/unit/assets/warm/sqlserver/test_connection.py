"""Where the server is and as whom it is asked, in the driver's words."""

from __future__ import annotations

import pytest
from mssql_python.connection_string_parser import _ConnectionStringParser
from pydantic import SecretStr, ValidationError

from assets.warm.project import dbt_arguments, environment
from assets.warm.sqlserver.connection import connection_string
from settings.model import Settings
from settings.warm import Warm

ENTRA = Warm(engine="sqlserver", server="x.database.windows.net", database="warm")


def test_the_driver_reads_the_string_back_as_it_was_meant(warm):
    read = _ConnectionStringParser(validate_keywords=True)._parse(connection_string(warm))
    assert read == {
        "server": "sql.test,1433",
        "database": "warm",
        "encrypt": "yes",
        "trustservercertificate": "no",
        "uid": "loader",
        "pwd": "p;w}d",
    }


def test_without_a_login_the_string_names_nobody_and_dbt_is_told_to_ask_entra(tmp_path):
    assert "UID" not in connection_string(ENTRA)
    told = environment(Settings(home=tmp_path, warm=ENTRA, _env_file=None))
    assert told["LAKE_SQLSERVER_AUTH"] == "ActiveDirectoryDefault"
    assert told["LAKE_SQLSERVER_USER"] == told["LAKE_SQLSERVER_PASSWORD"] == ""


def test_a_password_is_shown_by_nothing_and_is_in_no_argument(warm, tmp_path):
    settings = Settings(home=tmp_path, warm=warm, _env_file=None)
    assert "p;w}d" not in repr(settings) + str(dbt_arguments(warm))
    assert environment(settings)["LAKE_SQLSERVER_PASSWORD"] == "p;w}d"


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"engine": "sqlserver", "server": "x"}, "LAKE_WARM__DATABASE"),
        ({"engine": "sqlserver", "server": "x", "database": "d", "user": "u"}, "go together"),
    ],
)
def test_half_a_setting_is_refused_with_what_is_missing(values, says):
    with pytest.raises(ValidationError, match=says):
        Warm(**values)


def test_a_sql_login_is_for_a_laptop(warm, tmp_path):
    with pytest.raises(ValidationError, match="Microsoft Entra"):
        Settings(home=tmp_path, warm=warm, environment="prod", _env_file=None)
    assert Settings(home=tmp_path, warm=ENTRA, environment="prod", _env_file=None).warm == ENTRA


def test_dbt_hears_of_the_engine_only_where_it_is_not_its_own_choice(warm):
    assert dbt_arguments(Warm()) == ()
    switched = warm.model_copy(update={"columnstore": False, "password": SecretStr("x")})
    assert dbt_arguments(switched) == (
        *("--target", "sqlserver", "--vars"),
        '{"columnstore": false, "create_or_alter": true, "query_label": true}',
    )
