"""What an account must have before anything in it is changed."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from infrastructure.aws.clients import Clients
from infrastructure.aws.errors import DeploymentError
from infrastructure.aws.functions import CONFIG, is_of_another_region, role_name
from infrastructure.aws.stages import CPUS_PER_INSTANCE, Stage

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import FilterTypeDef
    from mypy_boto3_service_quotas import ServiceQuotasClient

JOB_CPUS = 12  # MaxCpus of templates/job.yaml
LAMBDA_KEEPS = 100  # of an account's concurrency, that no function can reserve
# The first call to a service makes its role, and may come before the role works: in a new account they are
# made first of all.
SERVICE_ROLES = (
    "ecs.amazonaws.com",
    "ecs.application-autoscaling.amazonaws.com",
    "autoscaling.amazonaws.com",
    "elasticloadbalancing.amazonaws.com",
    "ops.emr-serverless.amazonaws.com",
)


@dataclass(frozen=True)
class Quota:
    """How much of something AWS grants an account in a region, by AWS's codes."""

    what: str
    service: str
    code: str

    def short_of(self, needed: int, quotas: "ServiceQuotasClient") -> str | None:
        """Return what to do if less is granted than needed."""
        if (granted := self._granted(quotas)) >= needed:
            return None
        return (
            f"{granted:.0f} {self.what} are granted, and {needed} needed. Ask for more: "
            f"aws service-quotas request-service-quota-increase --desired-value {needed} "
            f"--service-code {self.service} --quota-code {self.code}"
        )

    def _granted(self, quotas: "ServiceQuotasClient") -> float:
        try:
            answer = quotas.get_service_quota(ServiceCode=self.service, QuotaCode=self.code)
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchResourceException":
                raise
            # None was ever applied to this account, so that AWS's own holds.
            default = quotas.get_aws_default_service_quota(ServiceCode=self.service, QuotaCode=self.code)
            return default["Quota"]["Value"]
        return answer["Quota"]["Value"]


INSTANCE_CPUS = Quota("vCPUs of On-Demand standard instances", "ec2", "L-1216C47A")
NETWORKS = Quota("networks (VPCs)", "vpc", "L-F678F1CE")
CPUS_OF_JOBS = Quota("vCPUs of EMR Serverless", "emr-serverless", "L-D05C8A75")
FUNCTIONS = Quota("concurrent executions of Lambda", "lambda", "L-B99A9384")


def open_session(region: str | None) -> boto3.Session:
    """Return a session that knows who it is and where; raise DeploymentError if it does not."""
    session = boto3.Session(region_name=region)
    if not session.region_name:  # an empty variable is one to boto3
        raise DeploymentError("No region is chosen. Set AWS_DEFAULT_REGION, or give --region us-east-1.")
    if session.get_credentials() is None:
        raise DeploymentError("There are no credentials. Run `aws configure`, or set AWS_PROFILE.")
    return session


def identify(clients: Clients) -> str:
    """Return the account's id; raise DeploymentError if AWS does not know the credentials."""
    try:
        return clients.sts.get_caller_identity()["Account"]
    except (ClientError, BotoCoreError) as error:
        raise DeploymentError(
            f"AWS does not accept the credentials: {error}. Run `aws configure`, or `aws sso login`."
        ) from error


def check(clients: Clients, stage: Stage, data_bucket: str | None, *, is_new: bool) -> None:
    """Raise DeploymentError with all that the account lacks; `is_new`: the stage has no network yet."""
    lacking = [
        *_taken_roles(clients, stage.name, data_bucket),
        *_lacking_quotas(clients, stage, is_new=is_new),
        *_lacking_zones(clients, stage.instance_type),
    ]
    if lacking:
        raise DeploymentError("the account is not ready.\n" + "\n".join(f"  - {item}" for item in lacking))


def _taken_roles(clients: Clients, stage: str, data_bucket: str | None) -> list[str]:
    if not is_of_another_region(clients, stage, data_bucket):
        return []
    return [
        f"{stage} is in another region: the role {role_name(stage, 'api_handler')} serves a bucket that is "
        f"not of {clients.region}. An account has a stage once: give that region, or destroy the stage there."
    ]


def _lacking_quotas(clients: Clients, stage: Stage, *, is_new: bool) -> list[str]:
    networks = len(clients.ec2.describe_vpcs()["Vpcs"])
    reserved = reserved_concurrency(stage.name)
    needs = {
        INSTANCE_CPUS: stage.max_instances * CPUS_PER_INSTANCE,
        CPUS_OF_JOBS: JOB_CPUS,
        NETWORKS: networks + 1 if is_new else networks,
        FUNCTIONS: reserved + LAMBDA_KEEPS if reserved else 1,
    }
    answers = [quota.short_of(needed, clients.quotas) for quota, needed in needs.items()]
    return [answer for answer in answers if answer]


def _lacking_zones(clients: Clients, instance_type: str) -> list[str]:
    zones = _zones(clients.ec2)[:2]  # those that templates/network.yaml takes
    if len(zones) < 2:
        return [f"{clients.region} has no two availability zones. Choose another region."]
    only: list[FilterTypeDef] = [{"Name": "instance-type", "Values": [instance_type]}]
    offers = clients.ec2.describe_instance_type_offerings(LocationType="availability-zone", Filters=only)
    offered = {offer["Location"] for offer in offers["InstanceTypeOfferings"]}
    return [
        f"{instance_type} is not offered in {zone}. Name another type in infrastructure/aws/stages.py."
        for zone in zones
        if zone not in offered
    ]


def _zones(ec2: "EC2Client") -> list[str]:
    only: list[FilterTypeDef] = [
        {"Name": "zone-type", "Values": ["availability-zone"]},
        {"Name": "state", "Values": ["available"]},
    ]
    found = ec2.describe_availability_zones(Filters=only)["AvailabilityZones"]
    return sorted(zone["ZoneName"] for zone in found)


def reserved_concurrency(stage: str) -> int:
    """Return how many executions of functions a stage keeps for itself."""
    functions = CONFIG["stages"][stage].get("lambda_functions", {}).values()
    return sum(function.get("reserved_concurrency", 0) for function in functions)


def prepare_service_roles(clients: Clients) -> list[str]:
    """Make the roles that services take by themselves; return those that were not there."""
    return [service for service in SERVICE_ROLES if _make_role(clients, service)]


def _make_role(clients: Clients, service: str) -> bool:
    if clients.iam.list_roles(PathPrefix=f"/aws-service-role/{service}/")["Roles"]:
        return False
    clients.iam.create_service_linked_role(AWSServiceName=service)
    return True


def s3_prefix_list(ec2: "EC2Client", region: str) -> str:
    """Return the id of the list of S3's addresses in a region."""
    named: list[FilterTypeDef] = [{"Name": "prefix-list-name", "Values": [f"com.amazonaws.{region}.s3"]}]
    return ec2.describe_managed_prefix_lists(Filters=named)["PrefixLists"][0]["PrefixListId"]
