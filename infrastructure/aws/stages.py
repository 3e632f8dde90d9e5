"""How large each stage is: the one place."""

from dataclasses import asdict, dataclass

CPUS_PER_INSTANCE = 2  # of every type that templates/cluster.yaml admits, and so are
TASKS_PER_INSTANCE = 2  # these, each with one of its CPUs and one of its network interfaces


@dataclass(frozen=True)
class Stage:
    """A stage: the fields but for the name are parameters of templates/legible.yaml."""

    name: str
    instance_type: str
    min_instances: int
    max_instances: int  # as many as max_tasks: a release runs the old and the new ones side by side
    min_tasks: int
    max_tasks: int
    nat: bool = False  # private instances behind a NAT gateway, in place of public ones that admit nobody

    def parameters(self) -> dict[str, str]:
        return {
            "".join(part.capitalize() for part in field.split("_")): str(value).lower()
            for field, value in asdict(self).items()
            if field != "name"
        } | {"Stage": self.name}


STAGES = {
    stage.name: stage
    for stage in (
        Stage("dev", "t3.small", min_instances=1, max_instances=2, min_tasks=1, max_tasks=2),
        Stage("prod", "c7i.large", min_instances=2, max_instances=8, min_tasks=2, max_tasks=8),
    )
}
