"""A plugin of LocalStack that runs Lambda functions as processes of this machine, where there is no Docker.

It runs in LocalStack's environment, which finds it by the entry point that `deployment` writes. The deployed
zip is unpacked by LocalStack; each execution environment is one process of the tests' own interpreter, with
the zip and what AWS's runtime has, and nothing else (`lambda_runtime`). Memory, IAM and the size limits of
API Gateway are not emulated.
"""

import contextlib
import json
import os
import select
import subprocess
import tempfile
from pathlib import Path

from localstack import config  # type: ignore[import-not-found]  # it is not installed here
from localstack.services.lambda_.invocation import (  # type: ignore[import-not-found]  # likewise
    lambda_models,
    plugins,
    runtime_executor,
)

NAME = "process"
PYTHON = "LAMBDA_EXECUTOR_PYTHON"  # the interpreter of the functions
RUNTIME = "LAMBDA_EXECUTOR_RUNTIME"  # a folder with what AWS's runtime can import
_INIT_SECONDS = 10  # as on AWS


class ProcessExecutorPlugin(plugins.RuntimeExecutorPlugin):  # type: ignore[misc]  # likewise
    name = NAME

    def load(self, *_args: object, **_options: object) -> type["ProcessExecutor"]:
        return ProcessExecutor


class ProcessExecutor(runtime_executor.RuntimeExecutor):  # type: ignore[misc]  # likewise
    """One execution environment: a process, and a pipe to it and from it."""

    def start(self, env_vars: dict[str, str]) -> None:
        self._environment = {name: str(value) for name, value in env_vars.items()} | {
            "PYTHONPATH": os.environ[RUNTIME],
            "PYTHONUNBUFFERED": "1",
            "LAMBDA_TASK_ROOT": str(_code(self.function_version)),
            "PATH": os.environ["PATH"],
        }
        self._log = tempfile.TemporaryFile("a+b")  # noqa: SIM115  lives as long as this; appended to while it is read
        self._logged = 0  # bytes that have been handed to CloudWatch
        self._start_process()

    def _start_process(self) -> None:
        runtime = Path(__file__).with_name("lambda_runtime.py")
        events, to_function = os.pipe()
        from_function, answers = os.pipe()
        self._events = os.fdopen(to_function, "wb", buffering=0)
        self._answers = os.fdopen(from_function, "rb", buffering=0)
        self._process = subprocess.Popen(
            [os.environ[PYTHON], "-S", str(runtime), str(events), str(answers)],
            cwd=_code(self.function_version),
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            pass_fds=(events, answers),
        )
        os.close(events)
        os.close(answers)
        if self._read(_INIT_SECONDS) != b"ready\n":
            raise runtime_executor.LambdaRuntimeException(f"The function has not started:\n{self.get_logs()}")

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        self._events.close()
        self._answers.close()

    def invoke(self, payload: dict[str, str]) -> lambda_models.InvocationResult:
        seconds = self.function_version.config.timeout
        with contextlib.suppress(BrokenPipeError):  # it has ended
            self._events.write(json.dumps(payload | {"seconds": seconds}).encode() + b"\n")
        line = self._read(seconds)
        if line.endswith(b"\n"):
            answer = json.loads(line)
        else:
            answer = {"error": True, "payload": json.dumps({"errorMessage": self._how_it_failed(seconds)})}
            self.stop()
            self._start_process()
        return lambda_models.InvocationResult(
            payload["invoke-id"], answer["payload"].encode(), answer["error"], self.get_logs()
        )

    def _how_it_failed(self, seconds: float) -> str:
        status = self._process.poll()
        return f"Task timed out after {seconds} s" if status is None else f"Exited with status {status}"

    def _read(self, seconds: float) -> bytes:
        """Return a line that the process writes; what there is of it after so many seconds, or at its end."""
        line = b""
        while not line.endswith(b"\n") and select.select([self._answers], [], [], seconds)[0]:
            part = self._answers.read(65536)
            if not part:
                break
            line += part
        return line

    def get_logs(self) -> str:
        """Return what has been logged since this was called last."""
        self._log.seek(self._logged)
        new: bytes = self._log.read()
        self._logged += len(new)
        return new.decode(errors="replace")

    def get_address(self) -> str:
        return "127.0.0.1"

    def get_endpoint_from_executor(self) -> str:
        return "127.0.0.1"

    def get_runtime_endpoint(self) -> str:
        return f"http://127.0.0.1:{config.GATEWAY_LISTEN[0].port}/unused"

    @classmethod
    def prepare_version(cls, function_version: lambda_models.FunctionVersion) -> None:
        function_version.config.code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version: lambda_models.FunctionVersion) -> None:
        """Leave the code where it is: a new version of the same code uses it, and it goes with LocalStack."""


def _code(function_version: lambda_models.FunctionVersion) -> Path:
    code: Path = function_version.config.code.get_unzipped_code_location()
    return code
