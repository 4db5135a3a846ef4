"""Rules of T-SQL: each is broken by its example, and what SQL Server takes breaks none."""

from __future__ import annotations

import pytest

from quality.tsql import RULES, findings


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_each_rule_is_broken_by_its_example_and_the_finding_says_what_to_do(rule):
    found = {finding.code: finding for finding in findings(rule.example)}
    assert rule.code in found
    assert str(found[rule.code]).startswith(f"{rule.code}: {rule.says} Found: ")


def test_what_is_no_t_sql_at_all_is_said_in_a_line():
    [first, *_] = findings("select from where")
    assert first.code == "syntax"
    assert "\n" not in str(first)


@pytest.mark.parametrize(
    "sql",
    [
        "select top (3) a from t order by a",
        "select cast(a as datetime2(6)) as b, cast(c as double precision) as d, cast(e as nvarchar(128)) as f from t",
        "select cast(case when a > 1 and b is null then 1 else 0 end as bit) as c from t where d = 1 or e in (1, 2)",
        "select 'limit || :: true' as words, [limit], \"true\" from t -- limit ::",
        "with c as (select a, count(*) as n from t group by a having count(*) > 1) select a, n from c",
        "with c as (select a from t) select c.a + 1 as b from c where c.a > 1",
        "select row_number() over (partition by a order by b desc) as n from t",
        "select a from (select top (1) a from t order by a) as x",
        "select lower(convert(varchar(32), hashbytes('MD5', cast(a collate Latin1_General_100_BIN2_UTF8 as varchar(8))), 2)) as k from t",
        "with c as (select a, b from t) select a as b, b as d from c",
        "select a from t where exists (select 1 from u where u.a = t.a) and not (t.b = 2)",
    ],
)  # fmt: skip
def test_what_sql_server_takes_breaks_no_rule(sql):
    assert [str(finding) for finding in findings(sql)] == []
