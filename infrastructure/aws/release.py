"""Deploying a stage: the recipe. Every step can be repeated, so an interrupted deployment just runs again."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from infrastructure.aws import account, functions, image, instances, job, site, templates
from infrastructure.aws.clients import Clients
from infrastructure.aws.stacks import Change, Stacks, Template
from infrastructure.aws.stages import Stage
from infrastructure.aws.steps import Step

NOT_YET_BUILT = f"sha256:{'0' * 64}"  # for a preview: that the image will be another one is all that it shows
INSTANCES = "Cluster.Group"  # the Auto Scaling group, by its path in the stage's templates


class Api(Protocol):
    """What deploys the functions: `functions.Functions`, given the bucket that keeps its state."""

    def api_id(self) -> str: ...
    def deploy(self, variables: Mapping[str, str], **settings: object) -> str: ...


@dataclass(frozen=True)
class Names:
    """The three stacks of a stage."""

    data: str  # outlives the others
    foundation: str  # must be there before the last one can be made
    stage: str

    @classmethod
    def of(cls, stage: Stage) -> "Names":
        return cls(f"legible-{stage.name}-data", f"legible-{stage.name}-foundation", f"legible-{stage.name}")


@dataclass
class Release:
    """One deployment of what lies in this folder. `api` and `try_out` speak to what is not boto3's."""

    stage: Stage
    clients: Clients
    engine: Callable[[], image.Engine]
    api: Callable[[str], Api]  # given the artefact bucket
    package: Callable[[], job.Package]
    try_out: Callable[[str, Callable[[], None]], str]  # given the page's address, and how to run the job
    wait: Callable[[float], None] = time.sleep
    rebuilt: str = ""  # today, if the image is to be built again though its files are the same
    stacks: Stacks = field(init=False)
    names: Names = field(init=False)
    _image: str = field(default="", init=False)

    def __post_init__(self) -> None:
        tags = {"Application": "legible", "Stage": self.stage.name}
        self.stacks = Stacks(self.clients.cloudformation, tags, self.wait)
        self.names = Names.of(self.stage)

    def steps(self) -> list[Step]:
        again = "Mend that and run the same command again: it goes on from here."
        return [
            Step("Checking the account and this machine", self._check, "Nothing has been changed."),
            Step("Preparing the roles of AWS's services", self._prepare_roles, again),
            Step("Making the place for data", self._make_data, again),
            Step("Making the place for artefacts", self._make_foundation, again),
            Step("Publishing the model server's image", self._publish_image, again),
            Step("Uploading templates and the accuracy job", self._upload, again),
            Step("Making network, cluster, model server, page and job", self._make_stage, again),
            Step("Deploying the API's functions", self._deploy_api, again),
            Step("Joining page and API", self._make_stage, again),
            Step("Uploading the page", self._upload_site, again),
            Step(
                "Trying it out through the page's address", self._try_out, f"Everything is deployed. {again}"
            ),
        ]

    @property
    def page(self) -> str:
        return self._outputs["EnvironmentPageOrigin"]

    @property
    def _outputs(self) -> dict[str, str]:
        return self.stacks.outputs(self.names.stage)

    @property
    def _foundation(self) -> dict[str, str]:
        return self.stacks.outputs(self.names.foundation)

    def _check(self) -> str:
        id = account.identify(self.clients)
        is_new = self.stacks.find(self.names.stage, "Network.Vpc") is None
        account.check(self.clients, self.stage, self.stacks.find(self.names.data, "Bucket"), is_new=is_new)
        self.engine()
        self.package()
        return f"account {id}, {self.clients.region}, stage {self.stage.name}: all that is needed is there"

    def _prepare_roles(self) -> str:
        made = account.prepare_service_roles(self.clients)
        return f"made those of {', '.join(made)}" if made else "they are there"

    def _make_data(self) -> str:
        done = self.stacks.deploy(self.names.data, Template(body=templates.text("data")), {})
        self.stacks.protect(self.names.data, protected=True)
        return done

    def _make_foundation(self) -> str:
        return self.stacks.deploy(self.names.foundation, Template(body=templates.text("foundation")), {})

    def _publish_image(self) -> str:
        repository, tag = self._foundation["Repository"], image.content_tag()
        self._image, built = image.publish(self.clients.ecr, repository, self.engine(), tag, self.rebuilt)
        return f"{'built and pushed' if built else 'it is there:'} {tag}"

    def _upload(self) -> str:
        templates.upload(self.clients.s3, self._foundation["ArtefactBucket"])
        self.package().upload(self.clients.s3, self._foundation["ArtefactBucket"])
        return f"{len(templates.names())} templates, and the job's package"

    def _make_stage(self) -> str:
        if self.stacks.is_never_made(self.names.stage) and (
            group := self.stacks.find(self.names.stage, INSTANCES)
        ):
            instances.release(self.clients.autoscaling, group)  # or it could not be deleted to be made again
        done = self.stacks.deploy(self.names.stage, *self._stage_template())
        image.keep(self.clients.ecr, self._image)
        return done

    def _stage_template(self) -> tuple[Template, dict[str, str]]:
        foundation = self._foundation
        bucket = foundation["ArtefactBucket"]
        folder = templates.url(bucket, self.clients.region)
        parameters = {
            **self.stage.parameters(),
            "JobFolder": self.package().key(),
            "Templates": folder,
            "DataBucket": self.stacks.outputs(self.names.data)["DataBucket"],
            "ArtefactBucket": bucket,
            "LogBucket": foundation["LogBucket"],
            "LogBucketDomain": foundation["LogBucketDomain"],
            "Repository": foundation["RepositoryArn"],
            "Image": self._image,
            "ApiId": self.api(bucket).api_id(),
            "S3PrefixList": account.s3_prefix_list(self.clients.ec2, self.clients.region),
        }
        return Template(url=f"{folder}/{templates.ROOT_TEMPLATE}.yaml"), parameters

    def _deploy_api(self) -> str:
        outputs = self._outputs
        api = self.api(self._foundation["ArtefactBucket"])
        id = api.deploy(functions.environment(outputs), **functions.network(outputs))
        return f"API {id}"

    def _upload_site(self) -> str:
        outputs = self._outputs
        keys = site.upload(self.clients.s3, outputs["SiteBucket"])
        site.refresh(self.clients.cloudfront, outputs["Distribution"])
        return f"{len(keys)} files"

    def _try_out(self) -> str:
        schedule = self._outputs["JobSchedule"]
        return self.try_out(
            self.page, lambda: job.run(self.clients.scheduler, self.clients.emr, schedule, self.wait)
        )

    def plan(self) -> dict[str, list[Change]]:
        """Return, for each stack, what a deployment would change. Templates are uploaded for that."""
        account.identify(self.clients)
        return {
            self.names.data: self._preview(self.names.data, "data"),
            self.names.foundation: self._preview(self.names.foundation, "foundation"),
            self.names.stage: self._preview_stage(),
        }

    def _preview(self, name: str, template: str) -> list[Change]:
        if self.stacks.is_to_be_made(name):
            return templates.additions(template)
        return self.stacks.preview(name, Template(body=templates.text(template)), {})

    def _preview_stage(self) -> list[Change]:
        if self.stacks.is_to_be_made(self.names.stage):
            return [change for name in templates.nested() for change in templates.additions(name)]
        templates.upload(self.clients.s3, self._foundation["ArtefactBucket"])
        name = self._foundation["Repository"].partition("/")[2]
        digest = image.digest(self.clients.ecr, name, image.content_tag()) or NOT_YET_BUILT
        self._image = f"{self._foundation['Repository']}@{digest}"
        return self.stacks.preview(self.names.stage, *self._stage_template())
