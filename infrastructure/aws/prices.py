"""What a stage costs: AWS's list prices, and how much of what a stage uses.

List prices of us-east-1 in US dollars, without tax, free tiers and discounts, from AWS's price pages as known
in October 2025. They were not looked up at run time: check those that matter to you.
"""

from dataclasses import dataclass

from infrastructure.aws.stages import Stage

AS_OF = "October 2025"
HOURS = 730  # of a month

PRICES = {
    "t3.small hour": 0.0208,
    "t3.medium hour": 0.0416,
    "c6i.large hour": 0.085,
    "c7i.large hour": 0.08925,
    "c7a.large hour": 0.10264,
    "m7i.large hour": 0.1008,
    "gp3 GB-month": 0.08,
    "public IPv4 address hour": 0.005,
    "NAT gateway hour": 0.045,
    "load balancer hour": 0.0225,
    "load balancer LCU-hour": 0.008,
    "S3 GB-month": 0.023,
    "S3 write": 0.005 / 1000,
    "S3 read": 0.0004 / 1000,
    "ECR GB-month": 0.10,
    "CloudWatch alarm": 0.10,
    "CloudWatch metric": 0.30,
    "CloudWatch Logs GB": 0.50,
    "CloudWatch dashboard": 3.00,
    "Lambda request": 0.20 / 1_000_000,
    "Lambda GB-second": 0.0000166667,
    "API Gateway request": 3.50 / 1_000_000,
    "CloudFront request": 0.01 / 10_000,
    "CloudFront GB out": 0.085,
    "CloudFront GB in": 0.02,
    "EMR Serverless vCPU-hour": 0.052624,
    "EMR Serverless GB-hour": 0.0057785,
}

# What an image is taken to be: its request, that of its label, and one for the figures, as the page asks.
IMAGE_GB = 0.0001  # 100 kB: drawings have 5 to 20, photos from a phone up to 4,000
CALLS = 3
WRITES = 10  # intent, idempotency key, image, index, record; intent, label, pair; LISTs: it stays, figures
READS = 4  # idempotency key; record, label and label again for the label
LAMBDA_SECONDS = 0.3  # of 1 GB, for the three calls; most of it is waiting for the model and S3
ANSWER_GB = 0.00001  # out, for the three calls
LOG_GB = 0.000003  # lines of API, model server, load balancer and CloudFront
METRICS = 37  # three for each of ten routes, three of the sweep, four of the report


@dataclass(frozen=True)
class Item:
    """One line of the bill."""

    what: str
    price: str  # a key of PRICES
    quantity: float  # a month, or a million images

    @property
    def unit(self) -> str:
        """Return what is counted: `hour`, `GB-month`."""
        return self.price.rpartition(" ")[2]

    @property
    def dollars(self) -> float:
        return PRICES[self.price] * self.quantity


def at_rest(stage: Stage) -> list[Item]:
    """Return a month's costs of a stage that nobody uses. The job runs every night nevertheless."""
    instances = stage.min_instances
    items = [
        Item("Instances of the model server", f"{stage.instance_type} hour", instances * HOURS),
        Item("Their disks, 30 GB each", "gp3 GB-month", 30 * instances),
        Item("The load balancer", "load balancer hour", HOURS),
        Item("Images of the model server, two releases", "ECR GB-month", 0.8),
        Item("Alarms: nine over 19 metrics", "CloudWatch alarm", 19),
        Item("Metrics", "CloudWatch metric", METRICS),
        Item("The dashboard", "CloudWatch dashboard", 1),
        Item("The sweep, each minute 0.2 s of 0.5 GB", "Lambda GB-second", HOURS * 60 * 0.2 * 0.5),
        Item("The sweep's look at S3, two LISTs a minute", "S3 write", 2 * HOURS * 60),
        Item("The nightly job, CPUs: 3 minutes of 10", "EMR Serverless vCPU-hour", 30 * 0.05 * 10),
        Item("The nightly job, memory: 3 minutes of 25 GB", "EMR Serverless GB-hour", 30 * 0.05 * 25),
    ]
    if stage.nat:
        return [
            *items,
            Item("The NAT gateway, before its traffic", "NAT gateway hour", HOURS),
            Item("Its public address", "public IPv4 address hour", HOURS),
        ]
    return [*items, Item("The instances' public addresses", "public IPv4 address hour", instances * HOURS)]


def per_million() -> list[Item]:
    """Return what a million images cost on top; the model reads them in about 3 hours of one CPU."""
    million = 1_000_000
    return [
        Item("S3: ten writes for each image", "S3 write", million * WRITES),
        Item("S3: four reads", "S3 read", million * READS),
        Item("S3: a month's storage of 100 kB each", "S3 GB-month", million * IMAGE_GB),
        Item("API Gateway: three requests", "API Gateway request", million * CALLS),
        Item("Lambda: three requests", "Lambda request", million * CALLS),
        Item("Lambda: 0.3 s of 1 GB", "Lambda GB-second", million * LAMBDA_SECONDS),
        Item("CloudFront: three requests", "CloudFront request", million * CALLS),
        Item("CloudFront: 100 kB in, to the API", "CloudFront GB in", million * IMAGE_GB),
        Item("CloudFront: 10 kB out", "CloudFront GB out", million * ANSWER_GB),
        Item("Logs: 3 kB", "CloudWatch Logs GB", million * LOG_GB),
        Item("The load balancer: a GB is a unit", "load balancer LCU-hour", million * IMAGE_GB),
    ]


def total(items: list[Item]) -> float:
    return sum(item.dollars for item in items)
