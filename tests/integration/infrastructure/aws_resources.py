"""How resources are made that a deployment later touches by calls of its own. All others are only names."""

import itertools
import uuid
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from infrastructure.aws.job import in_camel_case
from tests.unit.infrastructure.cloudformation import ACCOUNT, REGION, Attribute, Resource

Client = Callable[[str], Any]  # gives boto3's client of a service
Made = tuple[Attribute, Callable[[], object]]  # what a resource is now, and how it is deleted
Maker = Callable[[Client, Resource], Made]
_numbers = itertools.count(1)


def _name_only(_client: Client, resource: Resource) -> Made:
    def attribute(name: str) -> str:
        if name == "Arn":
            return f"arn:aws:iam::{ACCOUNT}:role/{resource.path}"
        return resource.path if name == "Ref" else f"{resource.path}.{name}"

    return attribute, lambda: None


def _bucket(client: Client, resource: Resource) -> Made:
    s3, name = client("s3"), f"{resource.path.lower().replace('.', '-')}-{next(_numbers)}"
    s3.create_bucket(Bucket=name)
    if versioning := resource.properties.get("VersioningConfiguration"):
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration=versioning)

    def attribute(wanted: str) -> str:
        named = {"Ref": name, "Arn": f"arn:aws:s3:::{name}"}
        return named.get(wanted, f"{name}.s3.amazonaws.com")

    return attribute, lambda: s3.delete_bucket(Bucket=name)


def _repository(client: Client, resource: Resource) -> Made:
    ecr = client("ecr")
    made = ecr.create_repository(
        repositoryName=f"model-{next(_numbers)}",
        imageTagMutability=resource.properties["ImageTagMutability"],
    )["repository"]
    attributes = {
        "Ref": made["repositoryName"],
        "RepositoryUri": made["repositoryUri"],
        "Arn": made["repositoryArn"],
    }
    force = resource.properties["EmptyOnDelete"]
    return attributes.__getitem__, lambda: ecr.delete_repository(
        repositoryName=attributes["Ref"], force=force
    )


def _instances(client: Client, resource: Resource) -> Made:
    scaling, name = client("autoscaling"), f"group-{next(_numbers)}"
    scaling.create_launch_configuration(
        LaunchConfigurationName=name, ImageId="ami-12c6146b", InstanceType="t3.small"
    )
    scaling.create_auto_scaling_group(
        AutoScalingGroupName=name,
        LaunchConfigurationName=name,
        MinSize=int(resource.properties["MinSize"]),
        MaxSize=int(resource.properties["MaxSize"]),
        NewInstancesProtectedFromScaleIn=resource.properties["NewInstancesProtectedFromScaleIn"],
        AvailabilityZones=[f"{REGION}a"],
    )

    def delete() -> None:
        (group,) = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
        if any(instance["ProtectedFromScaleIn"] for instance in group["Instances"]):
            raise refused("DeleteAutoScalingGroup", "ScalingActivityInProgress", "instances are protected")
        scaling.delete_auto_scaling_group(AutoScalingGroupName=name, ForceDelete=True)

    return lambda _: name, delete


def _cluster(client: Client, _resource: Resource) -> Made:
    ecs, name = client("ecs"), f"cluster-{next(_numbers)}"
    arn = ecs.create_cluster(clusterName=name)["cluster"]["clusterArn"]
    return {"Ref": name, "Arn": arn}.__getitem__, lambda: ecs.delete_cluster(cluster=name)


def _task(client: Client, resource: Resource) -> Made:
    ecs = client("ecs")
    request = in_camel_case(resource.properties)
    for container in request["containerDefinitions"]:
        container["portMappings"] = [
            mapping | {"containerPort": int(mapping["containerPort"])}
            for mapping in container["portMappings"]
        ]
        container["environment"] = [
            {name: str(value) for name, value in item.items()} for item in container["environment"]
        ]
    arn = ecs.register_task_definition(**request)["taskDefinition"]["taskDefinitionArn"]
    return lambda _: str(arn), lambda: ecs.deregister_task_definition(taskDefinition=arn)


def _service(client: Client, resource: Resource) -> Made:
    ecs, name, cluster = client("ecs"), f"service-{next(_numbers)}", resource.properties["Cluster"]
    task = resource.properties["TaskDefinition"]
    ecs.create_service(serviceName=name, cluster=cluster, taskDefinition=task, desiredCount=1)
    return lambda _: name, lambda: ecs.delete_service(service=name, cluster=cluster, force=True)


def _distribution(client: Client, resource: Resource) -> Made:
    cloudfront = client("cloudfront")
    config = resource.properties["DistributionConfig"]
    origin = {
        "Id": "page",
        "DomainName": config["Origins"][0]["DomainName"],
        "S3OriginConfig": {"OriginAccessIdentity": ""},
    }
    made = cloudfront.create_distribution(
        DistributionConfig={
            "CallerReference": uuid.uuid4().hex,
            "Comment": config["Comment"],
            "Enabled": config["Enabled"],
            "Origins": {"Quantity": 1, "Items": [origin]},
            "DefaultCacheBehavior": {"TargetOriginId": "page", "ViewerProtocolPolicy": "redirect-to-https"},
        }
    )
    id, tag = made["Distribution"]["Id"], made["ETag"]
    attributes = {"Ref": id, "DomainName": made["Distribution"]["DomainName"]}
    return attributes.__getitem__, lambda: cloudfront.delete_distribution(Id=id, IfMatch=tag)


def _application(client: Client, resource: Resource) -> Made:
    emr = client("emr-serverless")  # of which moto starts the application at once
    made = emr.create_application(
        name=resource.properties["Name"], releaseLabel=resource.properties["ReleaseLabel"], type="SPARK"
    )
    attributes = {"Ref": made["applicationId"], "Arn": made["arn"], "ApplicationId": made["applicationId"]}
    return attributes.__getitem__, lambda: emr.delete_application(applicationId=made["applicationId"])


def _schedule(client: Client, resource: Resource) -> Made:
    scheduler, name = client("scheduler"), f"nightly-{next(_numbers)}"
    scheduler.create_schedule(Name=name, **resource.properties)
    return lambda _: name, lambda: scheduler.delete_schedule(Name=name)


_MAKERS: dict[str, Maker] = {
    "AWS::AutoScaling::AutoScalingGroup": _instances,
    "AWS::CloudFront::Distribution": _distribution,
    "AWS::ECR::Repository": _repository,
    "AWS::ECS::Cluster": _cluster,
    "AWS::ECS::Service": _service,
    "AWS::ECS::TaskDefinition": _task,
    "AWS::EMRServerless::Application": _application,
    "AWS::S3::Bucket": _bucket,
    "AWS::Scheduler::Schedule": _schedule,
}


def make(client: Client, resource: Resource) -> Made:
    return _MAKERS.get(resource.type, _name_only)(client, resource)


def refused(operation: str, code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)
