"""Rules over the graph of resources: who reaches whom, who may do what, and that the parts fit each other."""

import dataclasses
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from accuracy_job import days, emr
from accuracy_job import store as job_store
from chalice_app import keys, logs
from chalice_app.settings import MAX_INFERENCE_SECONDS, SettingsError
from chalice_app.settings import Settings as ApiSettings
from inference_image.settings import PREFIX
from inference_image.settings import Settings as InferenceSettings
from infrastructure.aws import account, functions, image, job, prices, site, templates
from infrastructure.aws.stages import CPUS_PER_INSTANCE, STAGES, TASKS_PER_INSTANCE, Stage
from infrastructure.local.settings import ROOT
from tests.container.conftest import LIMITS
from tests.unit.infrastructure.cloudformation import Stack

GIVEN = {
    "Templates": "https://artefacts.s3.us-east-1.amazonaws.com/templates/0",
    "DataBucket": "data",
    "ArtefactBucket": "artefacts",
    "LogBucket": "logs",
    "LogBucketDomain": "logs.s3.amazonaws.com",
    "Repository": "arn:aws:ecr:us-east-1:123456789012:repository/model",
    "Image": f"123456789012.dkr.ecr.us-east-1.amazonaws.com/model@sha256:{'0' * 64}",
    "ApiId": "a1b2c3",
    "JobFolder": "job/0",
    "S3PrefixList": "pl-63a5400a",
}
# What knows no resource, says AWS's service authorization reference.
NO_RESOURCE = {"ecr:GetAuthorizationToken", "ecs:DiscoverPollEndpoint", "logs:DescribeLogGroups"}


class Graph:
    """The resources of a stage, by path and by type."""

    def __init__(self, stage: Stage = STAGES["dev"], **changed: str) -> None:
        self.stack = Stack("legible", stage.parameters() | GIVEN | changed)
        data, foundation = Stack("data", {}, path="Data"), Stack("foundation", {}, path="Foundation")
        self.resources = [*data.resources, *foundation.resources, *self.stack.resources]
        self.outputs = self.stack.outputs

    def __getitem__(self, path: str) -> dict[str, Any]:
        (found,) = (resource.properties for resource in self.resources if resource.path == path)
        return found

    def of(self, type_: str) -> dict[str, dict[str, Any]]:
        return {resource.path: resource.properties for resource in self.resources if resource.type == type_}

    def position(self, path: str) -> int:
        """Return when a resource is made; it is deleted in the opposite order."""
        return [resource.path for resource in self.resources].index(path)


@pytest.fixture(scope="module")
def graph() -> Graph:
    return Graph()


def container(graph: Graph) -> dict[str, Any]:
    (only,) = graph["Inference.Task"]["ContainerDefinitions"]
    return dict(only)


# The model server on EC2


def test_the_service_runs_on_the_clusters_own_instances(graph: Graph) -> None:
    service, provider = graph["Inference.Service"], graph["Cluster.CapacityProvider"]
    assert [item["CapacityProvider"] for item in service["CapacityProviderStrategy"]] == [
        "Cluster.CapacityProvider"
    ]
    assert "LaunchType" not in service
    assert service["Cluster"] == graph["Cluster.CapacityProviders"]["Cluster"] == "Cluster.Cluster"
    assert graph["Cluster.CapacityProviders"]["CapacityProviders"] == ["Cluster.CapacityProvider"]
    assert provider["AutoScalingGroupProvider"]["AutoScalingGroupArn"] == "Cluster.Group"
    assert graph["Inference.Task"]["RequiresCompatibilities"] == ["EC2"]


def test_instances_join_the_cluster_that_the_service_is_in(graph: Graph) -> None:
    template = graph["Cluster.LaunchTemplate"]["LaunchTemplateData"]
    assert "ECS_CLUSTER=Cluster.Cluster\n" in template["UserData"]
    assert template["MetadataOptions"]["HttpTokens"] == "required"
    assert "ECS_AWSVPC_BLOCK_IMDS=true" in template["UserData"]
    # Logs are written in the task's execution role: the instance's own may not.
    assert "ECS_ENABLE_AWSLOGS_EXECUTIONROLE_OVERRIDE=true" in template["UserData"]
    assert all(disk["Ebs"]["Encrypted"] for disk in template["BlockDeviceMappings"])


def test_the_provider_is_tied_to_the_cluster_before_a_service_is_made_and_untied_after_it_is_deleted(
    graph: Graph,
) -> None:
    order = ["Cluster.Group", "Cluster.CapacityProvider", "Cluster.CapacityProviders", "Inference.Service"]
    assert sorted(order, key=graph.position) == order


def test_the_group_grows_and_shrinks_by_its_provider_alone(graph: Graph) -> None:
    scaling = graph["Cluster.CapacityProvider"]["AutoScalingGroupProvider"]
    assert scaling["ManagedScaling"]["Status"] == scaling["ManagedDraining"] == "ENABLED"
    assert scaling["ManagedTerminationProtection"] == "ENABLED"
    assert graph["Cluster.Group"]["NewInstancesProtectedFromScaleIn"] is True
    assert "DesiredCapacity" not in graph["Cluster.Group"]


def test_the_port_is_the_same_in_task_target_group_and_service_and_the_servers_own(graph: Graph) -> None:
    (mapping,) = container(graph)["PortMappings"]
    (balanced,) = graph["Inference.Service"]["LoadBalancers"]
    ports = {mapping["ContainerPort"], graph["Inference.Targets"]["Port"], balanced["ContainerPort"]}
    assert {int(port) for port in ports} == {InferenceSettings().port}
    assert balanced["TargetGroupArn"] == "Inference.Targets"
    assert balanced["ContainerName"] == container(graph)["Name"]


def test_the_target_group_takes_addresses_because_each_task_has_its_own(graph: Graph) -> None:
    assert graph["Inference.Task"]["NetworkMode"] == "awsvpc"
    assert graph["Inference.Targets"]["TargetType"] == "ip"


def test_health_is_asked_for_where_the_server_tells_it(graph: Graph) -> None:
    path = graph["Inference.Targets"]["HealthCheckPath"]
    assert f'"{path}"' in (ROOT / "inference_image" / "server.py").read_text()
    _, *command = container(graph)["HealthCheck"]["Command"]
    assert json.dumps(command) in image.DOCKERFILE.read_text()


def test_the_container_is_held_to_the_limits_that_its_tests_hold_it_to(graph: Graph) -> None:
    definition = container(graph)
    granted = [
        *(["--read-only"] if definition["ReadonlyRootFilesystem"] else []),
        *(f"--cap-drop={name.lower()}" for name in definition["LinuxParameters"]["Capabilities"]["Drop"]),
        *(f"--security-opt={option}" for option in definition["DockerSecurityOptions"]),
        f"--memory={definition['Memory']}m",
        f"--cpus={definition['Cpu'] / 1024:g}",
    ]
    assert sorted(granted) == sorted(LIMITS)
    assert definition["Privileged"] is False


def test_make_image_run_holds_it_to_the_same_limits() -> None:
    run = re.search(r"^image-run:.*?\n\n", (ROOT / "Makefile").read_text(), re.DOTALL | re.MULTILINE)
    assert run is not None
    assert all(limit in run[0] for limit in LIMITS)


def test_the_container_runs_as_the_user_that_the_image_names(graph: Graph) -> None:
    assert f"\nUSER {container(graph)['User']}\n" in image.DOCKERFILE.read_text()


def test_only_an_image_by_digest_is_accepted() -> None:
    pattern = templates.load("inference")["Parameters"]["Image"]["AllowedPattern"]
    assert re.match(pattern, GIVEN["Image"])
    assert not re.match(pattern, GIVEN["Image"].partition("@")[0] + ":latest")


def test_a_release_keeps_all_tasks_until_the_new_ones_are_healthy_and_goes_back_by_itself(
    graph: Graph,
) -> None:
    how = graph["Inference.Service"]["DeploymentConfiguration"]
    assert (how["MinimumHealthyPercent"], how["MaximumPercent"]) == (100, 200)
    assert how["DeploymentCircuitBreaker"] == {"Enable": True, "Rollback": True}
    assert "DesiredCount" not in graph["Inference.Service"]  # it would undo what the scaling has decided


def test_a_task_that_is_replaced_has_time_to_answer_whoever_still_waits(graph: Graph) -> None:
    attributes = {item["Key"]: item["Value"] for item in graph["Inference.Targets"]["TargetGroupAttributes"]}
    delay = int(attributes["deregistration_delay.timeout_seconds"])
    assert delay >= MAX_INFERENCE_SECONDS
    assert container(graph)["StopTimeout"] >= InferenceSettings().drain_seconds + MAX_INFERENCE_SECONDS


@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES)
def test_instances_have_room_for_all_tasks_twice(stage: Stage) -> None:
    assert stage.max_instances * TASKS_PER_INSTANCE >= 2 * stage.max_tasks
    assert stage.min_instances * TASKS_PER_INSTANCE >= stage.min_tasks
    assert stage.min_instances < stage.max_instances  # instances are replaced one by one, beside the others
    task = container(Graph(stage))
    assert task["Cpu"] * TASKS_PER_INSTANCE <= 1024 * CPUS_PER_INSTANCE


@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES)
def test_every_stage_is_of_a_type_that_the_template_admits_and_the_plan_can_price(stage: Stage) -> None:
    assert stage.instance_type in templates.load("cluster")["Parameters"]["InstanceType"]["AllowedValues"]
    assert prices.total(prices.at_rest(stage)) > 0


def test_tasks_scale_by_requests_and_by_cpu(graph: Graph) -> None:
    policies = graph.of("AWS::ApplicationAutoScaling::ScalingPolicy").values()
    followed = [policy["TargetTrackingScalingPolicyConfiguration"] for policy in policies]
    kinds = {item["PredefinedMetricSpecification"]["PredefinedMetricType"] for item in followed}
    assert kinds == {"ALBRequestCountPerTarget", "ECSServiceAverageCPUUtilization"}
    assert graph["Inference.Scaling"]["ResourceId"] == "service/Cluster.Cluster/Inference.Service.Name"


# Who reaches whom


def ingress(graph: Graph) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each group with each rule that lets something in."""
    for path, group in graph.of("AWS::EC2::SecurityGroup").items():
        yield from ((path, rule) for rule in group.get("SecurityGroupIngress", []))
    for rule in graph.of("AWS::EC2::SecurityGroupIngress").values():
        yield rule["GroupId"], rule


def test_only_the_load_balancer_reaches_the_tasks_and_only_the_functions_reach_the_load_balancer(
    graph: Graph,
) -> None:
    open_ = {
        (group, rule["SourceSecurityGroupId"], int(rule["FromPort"]), int(rule["ToPort"]))
        for group, rule in ingress(graph)
    }
    port = InferenceSettings().port
    assert open_ == {
        ("Network.TaskGroup", "Network.BalancerGroup", port, port),
        ("Network.BalancerGroup", "Network.FunctionGroup", 80, 80),
    }


def test_each_part_is_in_its_group(graph: Graph) -> None:
    network = graph["Inference.Service"]["NetworkConfiguration"]["AwsvpcConfiguration"]
    (interface,) = graph["Cluster.LaunchTemplate"]["LaunchTemplateData"]["NetworkInterfaces"]
    assert network["SecurityGroups"] == ["Network.TaskGroup"]
    assert graph["Inference.Balancer"]["SecurityGroups"] == ["Network.BalancerGroup"]
    assert interface["Groups"] == ["Network.InstanceGroup"]
    assert functions.network(graph.outputs)["security_group_ids"] == ["Network.FunctionGroup"]


def test_a_task_can_go_nowhere_and_a_function_only_to_the_model_and_s3(graph: Graph) -> None:
    (nowhere,) = graph["Network.TaskGroup"]["SecurityGroupEgress"]
    assert nowhere["CidrIp"] == "127.0.0.1/32"
    to_model, to_s3 = graph["Network.FunctionGroup"]["SecurityGroupEgress"]
    assert (to_model["DestinationSecurityGroupId"], to_model["ToPort"]) == ("Network.BalancerGroup", 80)
    assert (to_s3["DestinationPrefixListId"], to_s3["ToPort"]) == (GIVEN["S3PrefixList"], 443)


def test_every_group_says_where_it_may_go(graph: Graph) -> None:
    for path, group in graph.of("AWS::EC2::SecurityGroup").items():
        assert group["SecurityGroupEgress"], f"{path} may go everywhere"


def test_the_load_balancer_is_internal_and_listens_where_the_functions_ask(graph: Graph) -> None:
    assert graph["Inference.Balancer"]["Scheme"] == "internal"
    assert graph["Inference.Listener"]["Port"] == 80
    assert graph.outputs["EnvironmentInferenceUrl"] == "http://Inference.Balancer.DNSName"


def subnets_with_a_way_out(graph: Graph) -> dict[str, str]:
    """Return the subnets whose traffic to anywhere goes to a gateway, with that."""
    routes = graph.of("AWS::EC2::Route").values()
    ways = {route["RouteTableId"]: route.get("GatewayId") or route["NatGatewayId"] for route in routes}
    tied = graph.of("AWS::EC2::SubnetRouteTableAssociation").values()
    return {item["SubnetId"]: ways[item["RouteTableId"]] for item in tied if item["RouteTableId"] in ways}


@pytest.mark.parametrize("nat", [False, True])
def test_instances_have_a_way_out_and_functions_and_tasks_are_private(*, nat: bool) -> None:
    graph = Graph(dataclasses.replace(STAGES["prod"], nat=nat))
    ways = subnets_with_a_way_out(graph)
    gateway = "Network.NatGateway" if nat else "Network.InternetGateway"
    assert {ways[subnet] for subnet in graph["Cluster.Group"]["VPCZoneIdentifier"]} == {gateway}
    (interface,) = graph["Cluster.LaunchTemplate"]["LaunchTemplateData"]["NetworkInterfaces"]
    assert interface["AssociatePublicIpAddress"] == str(not nat).lower()
    private = {
        *graph.outputs["FunctionSubnets"].split(","),
        *graph["Inference.Balancer"]["Subnets"],
        *graph["Inference.Service"]["NetworkConfiguration"]["AwsvpcConfiguration"]["Subnets"],
    }
    assert private == {"Network.PrivateSubnetA", "Network.PrivateSubnetB"}
    assert not any(ways.get(subnet) == "Network.InternetGateway" for subnet in private)


def test_tasks_are_in_the_zones_that_instances_are_in(graph: Graph) -> None:
    def zones(subnets: list[str]) -> set[str]:
        return {graph[subnet]["AvailabilityZone"] for subnet in subnets}

    tasks = graph["Inference.Service"]["NetworkConfiguration"]["AwsvpcConfiguration"]["Subnets"]
    assert zones(tasks) == zones(graph["Cluster.Group"]["VPCZoneIdentifier"])
    assert len(zones(tasks)) == 2


def test_subnets_do_not_overlap(graph: Graph) -> None:
    blocks = [subnet["CidrBlock"] for subnet in graph.of("AWS::EC2::Subnet").values()]
    assert len(set(blocks)) == len(blocks) == 4


def test_s3_is_reached_without_leaving_the_network(graph: Graph) -> None:
    endpoint = graph["Network.S3Endpoint"]
    assert endpoint["VpcEndpointType"] == "Gateway"
    assert set(endpoint["RouteTableIds"]) == set(graph.of("AWS::EC2::RouteTable"))


# Environment


class Asked(dict[str, str]):
    """A mapping that remembers what it was asked for."""

    def __init__(self, values: Mapping[str, str]) -> None:
        super().__init__(values)
        self.names: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:  # noqa: ANN401  as dict has it
        self.names.add(key)
        return super().get(key, default)


def test_the_functions_are_given_every_variable_that_they_need_and_none_that_they_do_not_know(
    graph: Graph,
) -> None:
    given = Asked(functions.environment(graph.outputs))
    settings = ApiSettings.from_environment(given)
    assert set(given) <= given.names
    assert (settings.bucket, settings.stage) == ("data", "dev")
    assert settings.page_origin == "https://Site.Distribution.DomainName"
    for name in given.keys() - {"LEGIBLE_STAGE"}:  # one machine has no stage to name
        with pytest.raises(SettingsError, match=name):
            ApiSettings.from_environment({key: value for key, value in given.items() if key != name})


def test_the_model_server_is_given_only_variables_that_it_knows(graph: Graph) -> None:
    given = {item["Name"]: str(item["Value"]) for item in container(graph)["Environment"]}
    known = {PREFIX + field.name.upper() for field in dataclasses.fields(InferenceSettings)}
    assert set(given) <= known
    assert InferenceSettings.from_environment(given).port == InferenceSettings().port


# The page and the API, on one origin


def behaviour_of_api(graph: Graph) -> dict[str, Any]:
    (behaviour,) = graph["Site.Distribution"]["DistributionConfig"]["CacheBehaviors"]
    return dict(behaviour)


def test_the_path_of_the_api_is_the_stage_of_api_gateway_so_that_nothing_is_rewritten(graph: Graph) -> None:
    origins = {origin["Id"]: origin for origin in graph["Site.Distribution"]["DistributionConfig"]["Origins"]}
    behaviour = behaviour_of_api(graph)
    assert behaviour["PathPattern"] == f"/{functions.GATEWAY_STAGE}/*" == f"{site.API}/*"
    assert origins[behaviour["TargetOriginId"]]["DomainName"] == "a1b2c3.execute-api.us-east-1.amazonaws.com"
    assert "OriginPath" not in origins[behaviour["TargetOriginId"]]


def test_answers_of_the_api_are_not_cached_and_its_headers_arrive(graph: Graph) -> None:
    behaviour = behaviour_of_api(graph)
    assert behaviour["CachePolicyId"] == "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"  # Managed-CachingDisabled
    # Managed-AllViewerExceptHostHeader
    assert behaviour["OriginRequestPolicyId"] == "b689b0a8-53d0-40ab-baf2-98738e2966ac"
    assert {"POST", "PUT", "DELETE"} <= set(behaviour["AllowedMethods"])
    assert behaviour["ViewerProtocolPolicy"] == "https-only"


def test_errors_of_the_api_reach_the_page_as_they_are(graph: Graph) -> None:
    assert "CustomErrorResponses" not in graph["Site.Distribution"]["DistributionConfig"]


def test_cloudfront_waits_as_long_as_a_function_may_take(graph: Graph) -> None:
    (api,) = (o for o in graph["Site.Distribution"]["DistributionConfig"]["Origins"] if o["Id"] == "api")
    assert api["CustomOriginConfig"]["OriginReadTimeout"] >= functions.CONFIG["lambda_timeout"]
    assert api["CustomOriginConfig"]["OriginProtocolPolicy"] == "https-only"


def test_before_the_api_is_there_the_page_stands_alone() -> None:
    config = Graph(ApiId="")["Site.Distribution"]["DistributionConfig"]
    assert [origin["Id"] for origin in config["Origins"]] == ["page"]
    assert config["CacheBehaviors"] == []


def test_only_cloudfront_reads_the_pages_bucket(graph: Graph) -> None:
    statements = graph["Site.BucketPolicy"]["PolicyDocument"]["Statement"]
    for allowed in (statement for statement in statements if statement["Effect"] == "Allow"):
        assert allowed["Principal"] == {"Service": "cloudfront.amazonaws.com"}
        assert allowed["Condition"]["StringEquals"]["aws:SourceArn"].endswith(
            "distribution/Site.Distribution"
        )
    (page, _) = graph["Site.Distribution"]["DistributionConfig"]["Origins"]
    assert page["OriginAccessControlId"] == "Site.Access"


def test_the_policy_of_the_header_is_the_pages_own_narrowed_to_one_origin(graph: Graph) -> None:
    def directives(policy: str) -> dict[str, list[str]]:
        return {name: sources for name, *sources in (part.split() for part in policy.split(";"))}

    headers = graph["Site.PageHeaders"]["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
    sent = directives(headers["ContentSecurityPolicy"]["ContentSecurityPolicy"])
    page = re.search(
        r'Content-Security-Policy" content="([^"]+)"', (ROOT / "static_site/index.html").read_text()
    )
    assert page is not None
    expected = directives(page[1]) | {"connect-src": ["'self'"], "frame-ancestors": ["'none'"]}
    assert sent == expected


# Data, and who may do what with it


def test_every_bucket_is_encrypted_private_and_refuses_what_is_not_tls(graph: Graph) -> None:
    policies = {
        policy["Bucket"]: policy["PolicyDocument"] for policy in graph.of("AWS::S3::BucketPolicy").values()
    }
    buckets = graph.of("AWS::S3::Bucket")
    assert len(buckets) == 4
    for path, bucket in buckets.items():
        assert bucket["BucketEncryption"], path
        assert all(bucket["PublicAccessBlockConfiguration"].values()), path
        denied = [statement for statement in policies[path]["Statement"] if statement["Effect"] == "Deny"]
        assert [statement["Condition"] for statement in denied] == [
            {"Bool": {"aws:SecureTransport": "false"}}
        ]
        assert denied[0]["Resource"] == [f"{path}.Arn", f"{path}.Arn/*"]


def test_data_is_versioned_and_outlives_its_stack(graph: Graph) -> None:
    (bucket,) = (resource for resource in graph.resources if resource.path == "Data.Bucket")
    assert bucket.properties["VersioningConfiguration"] == {"Status": "Enabled"}
    assert bucket.described["DeletionPolicy"].startswith("Retain")


def test_what_expires_are_images_and_idempotency_keys_and_never_a_label_or_record(graph: Graph) -> None:
    rules = graph["Data.Bucket"]["LifecycleConfiguration"]["Rules"]
    expiring = {rule["Prefix"] for rule in rules if "ExpirationInDays" in rule}
    example = keys.idempotency("writer", "0" * 64)
    assert expiring == {"images/", f"{example.partition('/')[0]}/"}


def statements(graph: Graph) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, role in graph.of("AWS::IAM::Role").items():
        for policy in role["Policies"]:
            yield from ((path, statement) for statement in policy["PolicyDocument"]["Statement"])


def as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def test_a_role_may_do_named_things_to_named_resources(graph: Graph) -> None:
    for path, statement in statements(graph):
        actions = as_list(statement["Action"])
        assert not any("*" in action for action in actions), path
        if "*" in as_list(statement["Resource"]):
            assert set(actions) <= NO_RESOURCE, path
    assert not any("ManagedPolicyArns" in role for role in graph.of("AWS::IAM::Role").values())


def test_the_model_server_has_no_role_at_all(graph: Graph) -> None:
    assert "TaskRoleArn" not in graph["Inference.Task"]


def test_the_job_reads_no_image_and_changes_only_what_it_made_itself(graph: Graph) -> None:
    allowed = {s["Sid"]: s for path, s in statements(graph) if path == "Job.JobRole"}
    own = {job_store.REPORTS, f"{days.PARTIALS}/", f"{days.COMPACTED}/"}
    read = {*own, f"{days.LABELS}/"}
    listed = allowed["List"]["Condition"]["StringLike"]["s3:prefix"]
    assert set(listed) == {f"{prefix}*" for prefix in {*read, job_store.CLASSIFICATIONS}}
    assert set(allowed["Keep"]["Resource"]) == {f"arn:aws:s3:::data/{prefix}*" for prefix in own}
    package = "arn:aws:s3:::artefacts/job/0/*"
    assert set(allowed["Read"]["Resource"]) == {package, *(f"arn:aws:s3:::data/{prefix}*" for prefix in read)}


# The job


def test_the_schedule_starts_the_job_as_the_job_wants_to_be_started(graph: Graph) -> None:
    target = graph["Job.Nightly"]["Target"]
    assert target["Arn"].endswith(":aws-sdk:emrserverless:startJobRun")
    request = job.in_camel_case(json.loads(target["Input"]))
    assert request.pop("clientToken") == "<aws.scheduler.execution-id>"
    assert request == emr.request("s3://artefacts/job/0", "s3://data", "Job.JobRole.Arn", "Job.Application")
    assert graph["Job.Application"]["ReleaseLabel"] == emr.RELEASE


def test_an_upload_of_the_package_has_all_that_the_request_names() -> None:
    text = json.dumps(emr.request("s3://artefacts/job/0", "s3://data", "role", "application"))
    assert set(re.findall(r"s3://artefacts/job/0/([\w.]+)", text)) == set(job.FILES)


def test_the_quota_that_is_checked_is_what_the_job_may_use() -> None:
    assert templates.load("job")["Parameters"]["MaxCpus"]["Default"] == account.JOB_CPUS


# Watching


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
    swept = logs.metrics({"settled": 0, "pending": 0}, stage=logged["stage"], route="sweep")
    return series(swept).union(*(series(logged, route=route) for route in json.loads(routes)))


@pytest.fixture(scope="module")
def written(graph: Graph) -> set[Series]:
    report = {"pairs": 10, "accuracy": 0.9, "accuracy_interval": [0.6, 0.98]}
    return by_the_api(functions.environment(graph.outputs)) | series(line_of(report, graph))


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


def line_of(report: Mapping[str, Any], graph: Graph) -> dict[str, Any]:
    """Return the log line that the stage's function makes of a report."""
    stage = graph["Watching.AccuracyMetric"]["Environment"]["Variables"]["STAGE"]
    line: dict[str, Any] = json.loads(accuracy_metric(graph)["line"](report, stage, 1_800_000_000.0))
    return line


def test_a_report_becomes_metrics_with_its_interval(graph: Graph) -> None:
    line = line_of({"pairs": 10, "accuracy": 0.9, "accuracy_interval": [0.6, 0.98]}, graph)
    assert {name for _, name in series(line)} == {"pairs", "accuracy", "accuracy_low", "accuracy_high"}
    assert (line["stage"], line["accuracy_high"], line["pairs"]) == ("dev", 0.98, 10)


def test_a_report_without_pairs_is_still_a_sign_of_life(graph: Graph) -> None:
    line = line_of({"pairs": 0, "accuracy": None, "accuracy_interval": None}, graph)
    assert line["pairs"] == 0
    assert "accuracy" not in line


def test_every_alarm_tells_somebody_and_is_on_the_dashboard(graph: Graph) -> None:
    (shown,) = (widget["alarms"] for widget in widgets(graph) if "alarms" in widget)
    alarms = graph.of("AWS::CloudWatch::Alarm")
    assert set(shown) == {f"{path}.Arn" for path in alarms}
    assert all(alarm["AlarmActions"] == ["Watching.Topic"] for alarm in alarms.values())


def test_the_plan_prices_as_many_alarms_as_there_are(graph: Graph) -> None:
    watched = 0  # each metric of an alarm is charged; what is computed of them is not
    for alarm in graph.of("AWS::CloudWatch::Alarm").values():
        metrics = alarm.get("Metrics", [alarm])
        watched += sum("Expression" not in metric for metric in metrics) or 1
    (priced,) = (item for item in prices.at_rest(STAGES["dev"]) if item.price == "CloudWatch alarm")
    assert priced.quantity == watched


def test_logs_of_the_functions_end_up_in_groups_that_expire(graph: Graph) -> None:
    groups = graph.of("AWS::Logs::LogGroup").values()
    assert all(group["RetentionInDays"] for group in groups)
    expected = {f"/aws/lambda/{functions.function_name('dev', handler)}" for handler in functions.HANDLERS}
    assert {group["LogGroupName"] for group in groups if "LogGroupName" in group} == expected


# The templates as such


def parameters() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for name in templates.names():
        for parameter, described in templates.load(name).get("Parameters", {}).items():
            yield name, parameter, described


def test_every_parameter_is_described_typed_and_bounded() -> None:
    for template, name, described in parameters():
        assert described["Description"].endswith("."), (template, name)
        bounded = {"AllowedPattern", "AllowedValues", "MinValue"} & described.keys()
        # An id of another resource needs no bounds: CloudFormation checks it, or the wiring gives it.
        assert bounded or described["Type"] != "Number" or template == "legible", (template, name)


def test_every_output_is_used() -> None:
    wiring = templates.text("legible")
    program = "".join(path.read_text() for path in (ROOT / "infrastructure" / "aws").glob("*.py"))
    for name in templates.nested():
        for output in templates.load(name)["Outputs"]:
            used = f"!GetAtt {name.capitalize()}.Outputs.{output}\n"
            assert used in wiring, f"{name}.{output}"
    for name in ("data", "foundation", templates.ROOT_TEMPLATE):
        for output in templates.load(name)["Outputs"]:
            assert output.startswith("Environment") or f'"{output}"' in program, f"{name}.{output}"


def test_the_root_template_makes_nothing_but_stacks() -> None:
    types = {resource["Type"] for resource in templates.load("legible")["Resources"].values()}
    assert types == {"AWS::CloudFormation::Stack"}
    assert set(templates.names()) == {"data", "foundation", "legible", *templates.nested()}


def test_what_the_resolver_makes_is_what_the_templates_have() -> None:
    made = {resource.type for resource in Graph(dataclasses.replace(STAGES["dev"], nat=True)).resources}
    written = {r["Type"] for name in templates.names() for r in templates.load(name)["Resources"].values()}
    assert made == written - {"AWS::CloudFormation::Stack"}


def test_resources_that_a_condition_excludes_are_not_made() -> None:
    assert not any(r.path == "Network.NatGateway" for r in Graph().resources)
