"""Rules over the graph of resources: who reaches whom, who may do what, and that the parts fit each other."""

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from accuracy_job import days, emr
from accuracy_job import store as job_store
from chalice_app import keys
from chalice_app.settings import Settings as ApiSettings
from chalice_app.settings import SettingsError
from inference_image.settings import PREFIX
from inference_image.settings import Settings as InferenceSettings
from infrastructure.aws import account, functions, image, job, site, templates
from infrastructure.aws.stages import STAGES
from infrastructure.local.settings import ROOT
from tests.unit.infrastructure.graph import GIVEN, Graph

# What knows no resource, says AWS's service authorization reference.
NO_RESOURCE = {"ecr:GetAuthorizationToken", "ecs:DiscoverPollEndpoint", "logs:DescribeLogGroups"}


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
    given = {item["Name"]: str(item["Value"]) for item in graph.container["Environment"]}
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
    responses = graph["Site.Distribution"]["DistributionConfig"]["CustomErrorResponses"]
    # CloudFront keeps these for 10 s by default, and for all writers: the token is not in its key.
    assert {response["ErrorCode"] for response in responses} >= {404, 500, 502, 503, 504}
    assert all(response["ErrorCachingMinTTL"] == 0 for response in responses)
    assert not any("ResponsePagePath" in response for response in responses)


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


def test_only_images_expire_and_never_a_label_a_record_or_what_a_sweep_must_know(graph: Graph) -> None:
    rules = graph["Data.Bucket"]["LifecycleConfiguration"]["Rules"]
    assert {rule["Prefix"] for rule in rules if "ExpirationInDays" in rule} == {"images/"}


def test_images_that_were_never_released_push_out_none_that_was(graph: Graph) -> None:
    rules = json.loads(graph["Foundation.Repository"]["LifecyclePolicy"]["LifecyclePolicyText"])["rules"]
    first, *_ = sorted(rules, key=lambda rule: rule["rulePriority"])
    assert first["selection"]["tagPrefixList"] == [image.RELEASED]


@pytest.mark.parametrize("prefix", [keys.INTENTS, keys.PENDING])
def test_former_versions_do_not_pile_up_before_each_sweep(graph: Graph, prefix: str) -> None:
    rules = graph["Data.Bucket"]["LifecycleConfiguration"]["Rules"]
    (days,) = (
        rule["NoncurrentVersionExpiration"]["NoncurrentDays"]
        for rule in rules
        if rule.get("Prefix") == prefix
    )
    assert days == 1


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
