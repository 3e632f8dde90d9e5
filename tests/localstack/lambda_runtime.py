"""The runtime of one execution environment: reads events, calls the handler, writes what it returns.

`python lambda_runtime.py EVENTS ANSWERS`, two file descriptors. The handler's own output is its log.
"""

import importlib
import json
import os
import sys
import time
import traceback
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Context:
    """What AWS hands to a handler, as far as it is used."""

    aws_request_id: str
    invoked_function_arn: str
    ends: float  # on the monotonic clock
    function_name: str = os.environ["AWS_LAMBDA_FUNCTION_NAME"]

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self.ends - time.monotonic()) * 1000))


def main(events: int, answers: int) -> None:
    sys.path[0] = os.environ["LAMBDA_TASK_ROOT"]  # in place of this file's folder
    module, name = os.environ["_HANDLER"].rsplit(".", 1)
    handler = getattr(importlib.import_module(module), name)
    with os.fdopen(events) as incoming, os.fdopen(answers, "w") as outgoing:
        print("ready", file=outgoing, flush=True)
        for line in incoming:
            print(json.dumps(answer(handler, json.loads(line))), file=outgoing, flush=True)


def answer(handler: Any, invocation: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401  whatever is deployed
    ends = time.monotonic() + invocation["seconds"]
    context = Context(invocation["invoke-id"], invocation["invoked-function-arn"], ends)
    try:
        returned = handler(json.loads(invocation["payload"]), context)
        return {"error": False, "payload": json.dumps(returned)}
    except Exception as error:
        traceback.print_exc()
        failure = {"errorMessage": str(error), "errorType": type(error).__name__}
        return {"error": True, "payload": json.dumps(failure)}


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
