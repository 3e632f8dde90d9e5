"""AWS as a deployment sees it: one client for each service that is called directly."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from infrastructure.aws.errors import DeploymentError

if TYPE_CHECKING:  # the stubs come with the tests
    from mypy_boto3_apigateway import APIGatewayClient
    from mypy_boto3_autoscaling import AutoScalingClient
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudfront import CloudFrontClient
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_emr_serverless import EMRServerlessClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_scheduler import EventBridgeSchedulerClient
    from mypy_boto3_service_quotas import ServiceQuotasClient
    from mypy_boto3_sts import STSClient


@dataclass(frozen=True)
class Clients:
    apigateway: "APIGatewayClient"
    autoscaling: "AutoScalingClient"
    cloudformation: "CloudFormationClient"
    cloudfront: "CloudFrontClient"
    cloudwatch: "CloudWatchClient"
    ec2: "EC2Client"
    ecr: "ECRClient"
    ecs: "ECSClient"
    emr: "EMRServerlessClient"
    events: "EventBridgeClient"
    iam: "IAMClient"
    functions: "LambdaClient"
    s3: "S3Client"
    scheduler: "EventBridgeSchedulerClient"
    quotas: "ServiceQuotasClient"
    sts: "STSClient"

    @classmethod
    def of(cls, session: boto3.Session) -> "Clients":
        """Make them; raises DeploymentError where AWS_ENDPOINT_URL, or a profile's own, is no URL."""
        config = Config(retries={"mode": "standard", "total_max_attempts": 5})
        try:
            return cls(
                apigateway=session.client("apigateway", config=config),
                autoscaling=session.client("autoscaling", config=config),
                cloudformation=session.client("cloudformation", config=config),
                cloudfront=session.client("cloudfront", config=config),
                cloudwatch=session.client("cloudwatch", config=config),
                ec2=session.client("ec2", config=config),
                ecr=session.client("ecr", config=config),
                ecs=session.client("ecs", config=config),
                emr=session.client("emr-serverless", config=config),
                events=session.client("events", config=config),
                iam=session.client("iam", config=config),
                functions=session.client("lambda", config=config),
                s3=session.client("s3", config=config),
                scheduler=session.client("scheduler", config=config),
                quotas=session.client("service-quotas", config=config),
                sts=session.client("sts", config=config),
            )
        except ValueError as error:  # botocore's, which names the endpoint
            raise DeploymentError(f"{error}. It begins with http:// or https://.") from error

    @property
    def region(self) -> str:
        return self.cloudformation.meta.region_name
