"""Rules over the graph of resources: alarms and dashboard read what the code writes."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from accuracy_job import report
from accuracy_job.kernel import Counts, Group
from chalice_app import logs
from infrastructure.aws import functions, job, prices
from infrastructure.aws.stages import STAGES
from infrastructure.local.settings import ROOT
from tests.unit.infrastructure.cloudformation import ACCOUNT
from tests.unit.infrastructure.graph import Graph

Series = tuple[frozenset[tuple[str, str]], str]  # a metric's dimensions with their values, and its name


def series(line: Mapping[str, Any], **changed: str) -> set[Series]:
    """Return what CloudWatch makes of a log line's metrics, with some of its dimensions changed."""
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    (dimensions,) = directive["Dimensions"]
    assert directive["Namespace"] == logs.NAMESPACE
    values = frozenset((name, changed.get(name, line[name])) for name in dimensions)
    return {(values, metric["Name"]) for metric in directive["Metrics"]}


def by_the_api(environment: Mapping[str, str]) -> set[Series]:
    """Return what the API writes of each route and of the sweep, by asking the API itself."""
    script = (
        "import json, app\n"
        "from chalice.test import Client\n"
        "Client(app.app).http.get('/openapi.json')\n"
        "routes = app.app.routes.items()\n"
        "print(json.dumps([f'{method} {path}' for path, methods in routes for method in methods]))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    *lines, routes = ran.stdout.splitlines()
    (logged,) = (json.loads(line) for line in [*lines, *ran.stderr.splitlines()] if '"_aws"' in line)
    swept = logs.metrics({"reconciled": 0, "settled": 0, "pending": 0}, stage=logged["stage"], route="sweep")
    return series(swept).union(*(series(logged, route=route) for route in json.loads(routes)))


@pytest.fixture(scope="module")
def written(graph: Graph) -> set[Series]:
    by_the_job = series(line_of(report_of([(27, 30)]), graph))
    return by_the_api(functions.environment(graph.outputs)) | by_the_job


def in_alarms(graph: Graph) -> set[Series]:
    return {
        (frozenset((item["Name"], item["Value"]) for item in alarm["Dimensions"]), alarm["MetricName"])
        for alarm in graph.of("AWS::CloudWatch::Alarm").values()
        if alarm.get("Namespace") == logs.NAMESPACE
    }


def widgets(graph: Graph) -> list[dict[str, Any]]:
    body = json.loads(graph["Watching.Dashboard"]["DashboardBody"])
    return [widget["properties"] for widget in body["widgets"]]


def on_dashboard(graph: Graph) -> set[Series]:
    """Return the series of the graphs; "." stands for the same as above, "..." for all but the last."""
    drawn: set[Series] = set()
    for widget in widgets(graph):
        above: list[str] = []
        for row in widget.get("metrics", []):
            texts = [part for part in row if isinstance(part, str)]
            if texts[:1] == ["..."]:
                texts = [*above[: len(above) - len(texts) + 1], *texts[1:]]
            above = [above[at] if text == "." else text for at, text in enumerate(texts)]
            if above[:1] == [logs.NAMESPACE]:
                drawn.add((frozenset(zip(above[2::2], above[3::2], strict=True)), above[1]))
    return drawn


def test_alarms_and_dashboard_read_the_very_dimensions_that_the_code_writes(
    graph: Graph, written: set[Series]
) -> None:
    alarms, dashboard = in_alarms(graph), on_dashboard(graph)
    assert len(alarms) == 4
    assert len(dashboard) == 6
    assert alarms | dashboard <= written


def test_two_stages_in_one_account_share_no_series(written: set[Series]) -> None:
    of_prod = by_the_api(functions.environment(Graph(STAGES["prod"]).outputs))
    assert all(("stage", "dev") in dimensions for dimensions, _ in written)
    assert all(("stage", "prod") in dimensions for dimensions, _ in of_prod)


def test_queries_over_all_routes_name_the_dimensions_in_full_and_their_own_stage_alone(
    graph: Graph, written: set[Series]
) -> None:
    ((of_errors, _), *_) = (item for item in written if item[1] == "errors")
    assert {name for name, _ in of_errors} == {"stage", "route"}
    (select,) = (metric["Expression"] for metric in graph["Watching.ApiErrors"]["Metrics"])
    assert select == f"SELECT SUM(errors) FROM SCHEMA(\"{logs.NAMESPACE}\", stage, route) WHERE stage = 'dev'"
    expressions = re.findall(r'"expression": "((?:[^"\\]|\\.)*)"', json.dumps(widgets(graph)))
    searches = [json.loads(f'"{text}"') for text in expressions]
    assert len(searches) == 2
    assert all(
        f'SEARCH(\'{{{logs.NAMESPACE},stage,route}} stage="dev" MetricName="errors"\'' in text
        for text in searches
    )


def test_the_plan_prices_as_many_metrics_as_there_are(written: set[Series]) -> None:
    assert len(written) == prices.METRICS


def accuracy_metric(graph: Graph) -> dict[str, Any]:
    code: dict[str, Any] = {}
    exec(compile(graph["Watching.AccuracyMetric"]["Code"]["ZipFile"], "metric", "exec"), code)
    return code


def line_of(found: report.Report, graph: Graph) -> dict[str, Any]:
    """Return the log line that the stage's function makes of a report."""
    stage = graph["Watching.AccuracyMetric"]["Environment"]["Variables"]["STAGE"]
    line: dict[str, Any] = json.loads(accuracy_metric(graph)["line"](found, stage, 1_800_000_000.0))
    return line


def report_of(days: Iterable[tuple[int, int]]) -> report.Report:
    """Return the job's report on days of which so many labels of so many say that the model was right."""
    matrices = {}
    for number, (right, pairs) in enumerate(days):
        matrix = np.zeros((10, 10), np.int64)
        matrix[7, 7], matrix[7, 1] = right, pairs - right
        matrices[Group("m1", f"{date(2026, 1, 1) + timedelta(number)}")] = matrix
    return report.build(Counts(matrices), datetime.now(UTC))


def test_a_report_becomes_metrics_with_the_interval_of_its_last_week(graph: Graph) -> None:
    line = line_of(report_of([(1000, 1000)] * 100 + [(50, 100)] * 7), graph)
    assert {name for _, name in series(line)} == {"pairs", "accuracy", "accuracy_low", "accuracy_high"}
    assert (line["stage"], line["pairs"], line["accuracy"]) == ("dev", 100_700, 0.5)
    interval = pytest.approx(report.wilson_interval(350, 700), abs=1e-6)
    assert [line["accuracy_low"], line["accuracy_high"]] == interval


@pytest.mark.parametrize("days", [[], [(0, 1)], [(0, 29)]])
def test_a_report_on_too_few_pairs_to_judge_by_is_still_a_sign_of_life(
    days: list[tuple[int, int]], graph: Graph
) -> None:
    line = line_of(report_of(days), graph)
    assert line["pairs"] == sum(pairs for _, pairs in days)
    assert {name for _, name in series(line)} == {"pairs"}


def test_what_is_written_without_anybodys_request_is_missed(graph: Graph) -> None:
    alarms = graph.of("AWS::CloudWatch::Alarm").values()
    unasked = {"pending", "pairs", "HealthyHostCount"}
    missed = {alarm["MetricName"]: alarm["TreatMissingData"] for alarm in alarms if "MetricName" in alarm}
    assert {missed[name] for name in unasked} == {"breaching"}


def test_every_end_of_the_job_but_success_is_told(graph: Graph) -> None:
    pattern = graph["Watching.JobFailed"]["EventPattern"]
    assert set(pattern["detail"]["state"]) == job.ENDED - {"SUCCESS"}


def test_every_alarm_tells_somebody_and_is_on_the_dashboard(graph: Graph) -> None:
    (shown,) = (widget["alarms"] for widget in widgets(graph) if "alarms" in widget)
    alarms = graph.of("AWS::CloudWatch::Alarm")
    assert set(shown) == {f"{path}.Arn" for path in alarms}
    assert all(alarm["AlarmActions"] == ["Watching.Topic"] for alarm in alarms.values())


def test_alarms_and_events_may_publish_to_their_own_topic_and_events_without_a_condition(
    graph: Graph,
) -> None:
    statements = graph["Watching.TopicPolicy"]["PolicyDocument"]["Statement"]
    assert all((each["Action"], each["Resource"]) == ("sns:Publish", "Watching.Topic") for each in statements)
    conditions = {each["Principal"]["Service"]: each.get("Condition") for each in statements}
    assert conditions == {
        "cloudwatch.amazonaws.com": {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
        "events.amazonaws.com": None,  # EventBridge does not support one in the policy of a topic
    }


def test_the_plan_prices_as_many_alarms_as_there_are(graph: Graph, written: set[Series]) -> None:
    watched = (
        0  # each metric of an alarm is charged, or that a query looks at; what is computed of them is not
    )
    for alarm in graph.of("AWS::CloudWatch::Alarm").values():
        metrics = alarm.get("Metrics", [alarm])
        queries = [
            metric for metric in metrics if metric.get("Expression", "").startswith("SELECT SUM(errors)")
        ]
        watched += sum("Expression" not in metric for metric in metrics)
        watched += len(queries) * sum(name == "errors" for _, name in written)
    (priced,) = (item for item in prices.at_rest(STAGES["dev"]) if item.price == "CloudWatch alarm")
    assert priced.quantity == watched


def test_logs_of_the_functions_end_up_in_groups_that_expire(graph: Graph) -> None:
    groups = graph.of("AWS::Logs::LogGroup").values()
    assert all(group["RetentionInDays"] for group in groups)
    expected = {f"/aws/lambda/{functions.function_name('dev', handler)}" for handler in functions.HANDLERS}
    assert {group["LogGroupName"] for group in groups if "LogGroupName" in group} == expected
