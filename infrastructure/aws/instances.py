"""The model server's instances. ECS has them protected from scale-in, so that none ends under a task."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_autoscaling import AutoScalingClient


def release(client: "AutoScalingClient", group: str) -> int:
    """Lift the protection: a group with protected instances cannot be deleted. Return of how many."""
    instances: list[str] = []
    for found in client.describe_auto_scaling_groups(AutoScalingGroupNames=[group])["AutoScalingGroups"]:
        client.update_auto_scaling_group(AutoScalingGroupName=group, NewInstancesProtectedFromScaleIn=False)
        # Of one in another state, as while it starts or ends, the call would be refused for all.
        instances += [
            instance["InstanceId"]
            for instance in found["Instances"]
            if instance["LifecycleState"] == "InService"
        ]
    if instances:
        client.set_instance_protection(
            AutoScalingGroupName=group, InstanceIds=instances, ProtectedFromScaleIn=False
        )
    return len(instances)
