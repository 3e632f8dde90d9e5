"""Rules over the graph of resources: the model server on EC2."""

import json
import re

import pytest

from chalice_app.settings import MAX_INFERENCE_SECONDS
from inference_image.settings import Settings as InferenceSettings
from infrastructure.aws import image, prices, templates
from infrastructure.aws.stages import CPUS_PER_INSTANCE, STAGES, TASKS_PER_INSTANCE, Stage
from infrastructure.local.settings import ROOT
from tests.container.conftest import LIMITS
from tests.unit.infrastructure.graph import GIVEN, Graph


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
    (mapping,) = graph.container["PortMappings"]
    (balanced,) = graph["Inference.Service"]["LoadBalancers"]
    ports = {mapping["ContainerPort"], graph["Inference.Targets"]["Port"], balanced["ContainerPort"]}
    assert {int(port) for port in ports} == {InferenceSettings().port}
    assert balanced["TargetGroupArn"] == "Inference.Targets"
    assert balanced["ContainerName"] == graph.container["Name"]


def test_the_target_group_takes_addresses_because_each_task_has_its_own(graph: Graph) -> None:
    assert graph["Inference.Task"]["NetworkMode"] == "awsvpc"
    assert graph["Inference.Targets"]["TargetType"] == "ip"


def test_health_is_asked_for_where_the_server_tells_it(graph: Graph) -> None:
    path = graph["Inference.Targets"]["HealthCheckPath"]
    assert f'"{path}"' in (ROOT / "inference_image" / "server.py").read_text()
    _, *command = graph.container["HealthCheck"]["Command"]
    assert json.dumps(command) in image.DOCKERFILE.read_text()


def test_the_container_is_held_to_the_limits_that_its_tests_hold_it_to(graph: Graph) -> None:
    task, definition = graph["Inference.Task"], graph.container
    granted = [
        *(["--read-only"] if definition["ReadonlyRootFilesystem"] else []),
        *(f"--cap-drop={name.lower()}" for name in definition["LinuxParameters"]["Capabilities"]["Drop"]),
        *(f"--security-opt={option}" for option in definition["DockerSecurityOptions"]),
        f"--memory={definition['Memory']}m",
        f"--cpus={int(task['Cpu']) / 1024:g}",  # only the task's is a quota, as --cpus is
        *(
            f"--env={item['Name']}={item['Value']}"
            for item in definition["Environment"]
            if "_MAX_" in item["Name"]
        ),
    ]
    assert sorted(granted) == sorted(LIMITS)
    assert definition["Privileged"] is False


def test_the_task_grants_what_its_only_container_asks_for(graph: Graph) -> None:
    task, definition = graph["Inference.Task"], graph.container
    assert (task["Cpu"], task["Memory"]) == (str(definition["Cpu"]), str(definition["Memory"]))


def test_there_is_a_worker_for_each_cpu_of_the_task_because_the_container_cannot_see_its_quota(
    graph: Graph,
) -> None:
    environment = {item["Name"]: item["Value"] for item in graph.container["Environment"]}
    assert int(environment["LEGIBLE_INFERENCE_WORKERS"]) == int(graph["Inference.Task"]["Cpu"]) // 1024


def test_make_image_run_holds_it_to_the_same_limits() -> None:
    run = re.search(r"^image-run:.*?\n\n", (ROOT / "Makefile").read_text(), re.DOTALL | re.MULTILINE)
    assert run is not None
    assert all(limit in run[0] for limit in LIMITS)


def test_the_container_runs_as_the_user_that_the_image_names(graph: Graph) -> None:
    assert f"\nUSER {graph.container['User']}\n" in image.DOCKERFILE.read_text()


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
    assert graph.container["StopTimeout"] >= InferenceSettings().drain_seconds + MAX_INFERENCE_SECONDS


@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES)
def test_instances_have_room_for_all_tasks_twice(stage: Stage) -> None:
    assert stage.max_instances * TASKS_PER_INSTANCE >= 2 * stage.max_tasks
    assert stage.min_instances * TASKS_PER_INSTANCE >= stage.min_tasks
    assert stage.min_instances < stage.max_instances  # instances are replaced one by one, beside the others
    task = Graph(stage)["Inference.Task"]
    assert int(task["Cpu"]) * TASKS_PER_INSTANCE <= 1024 * CPUS_PER_INSTANCE


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
